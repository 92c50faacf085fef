"""Runs samplers: `python -m toprung.search.worker_process`, started by the pool. It ends with its stdin."""

import ctypes
import os
import signal
import sys
from importlib import import_module
from time import process_time
from typing import BinaryIO

from toprung.errors import SearchFailed
from toprung.search.memory_limit import MemoryLimit
from toprung.search.samplers import create, load, startup
from toprung.search.study import Study
from toprung.search.worker_protocol import (
    ACKNOWLEDGED,
    LENGTH,
    MAX_MESSAGE,
    READY,
    Reply,
    Request,
    SamplerFailure,
    pack,
    unpack,
)

_NICE = 5
"""Niceness of a process with models, so that the operator's event loop has priority on a busy machine."""

_PR_SET_PDEATHSIG = 1
"""Option of prctl(2): the signal that a process receives when its parent ends."""


def serve(requests: BinaryIO, replies: BinaryIO, limit: MemoryLimit) -> None:
    """Answer one request after another until the other end is closed, which the kernel does when the operator dies.

    Each answer includes its seconds of CPU time, which do not depend on the load of the machine.
    """
    studies: dict[str, Study] = {}
    while body := _read(requests):
        start = process_time()
        reply = answer(studies, unpack(body), limit)
        replies.write(pack((reply, process_time() - start)))
        replies.flush()


def answer(studies: dict[str, Study], request: Request, limit: MemoryLimit) -> Reply:
    """Add the evaluations to the study and return its answer. Drop a study that raises, since its state is unknown.

    Args:
        studies: the studies of this process, by key.
        request: the new evaluations, and the trial that needs a configuration.
        limit: of the memory; it is lifted while a sampler is imported.
    """
    for key in request.forget:
        studies.pop(key, None)
    try:
        return _handle(studies, request, limit)
    except SearchFailed as error:
        failure = SamplerFailure(str(error)[:MAX_MESSAGE])
    except MemoryError:
        failure = SamplerFailure("out of memory", memory=True)
    except Exception as error:  # noqa: BLE001 - a sampler's own defect must not end the other experiments' studies
        failure = SamplerFailure(f"{type(error).__name__}: {error}"[:MAX_MESSAGE])
    studies.pop(request.key, None)
    return failure


def _handle(studies: dict[str, Study], request: Request, limit: MemoryLimit) -> Reply:
    if request.problem is not None:
        studies.pop(request.key, None)
        if not request.startup:
            with limit.lifted():
                load(request.problem.algorithm)
        studies[request.key] = Study(request.problem, startup if request.startup else create)
    study = studies[request.key]
    study.update(request.evaluations)
    if request.index is None:
        return ACKNOWLEDGED
    return study.suggest([request.index], {one.index: one.parameters for one in request.pending})


def _read(requests: BinaryIO) -> bytes:
    head = requests.read(LENGTH.size)
    return requests.read(LENGTH.unpack(head)[0]) if len(head) == LENGTH.size else b""


def _end_with_parent() -> None:
    """Request that the kernel ends this process with the operator: a stopped process never reads its stdin."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def main(models: str, budget: str) -> None:
    """Serve requests. Only replies are written to stdout; the output of samplers is written to stderr.

    Args:
        models: "models", or "draws" for a process that needs neither Optuna nor numpy.
        budget: bytes of memory for the studies.
    """
    _end_with_parent()
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    if models == "models":
        import_module("toprung.search.samplers.tpe")  # before the first request, which it would delay
        os.nice(_NICE)
    try:
        replies.write(pack(READY))
        replies.flush()
        serve(sys.stdin.buffer, replies, MemoryLimit(int(budget)))
    except BrokenPipeError:
        os._exit(0)  # the operator is gone


if __name__ == "__main__":
    main(*sys.argv[1:])
