"""The search process: `python -m toprung.search.process`, started by the worker and ended by the end of its stdin."""

import os
import sys
from collections.abc import Callable
from functools import partial
from importlib import import_module
from typing import Any, BinaryIO

from toprung.api.errors import SearchFailed
from toprung.search.frames import LENGTH, READY, WORKING, Failure, Reply, Request, pack, unpack
from toprung.search.study import Study


def serve(requests: BinaryIO, replies: BinaryIO) -> None:
    """Answer one request after another until the other end is closed, which the kernel does when the operator dies."""
    studies: dict[str, Study] = {}

    def send(frame: Any) -> None:
        replies.write(pack(frame))
        replies.flush()

    while body := _read(requests):
        send(answer(studies, unpack(body), partial(send, WORKING)))


def answer(studies: dict[str, Study], request: Request, on_each: Callable[[], None]) -> Reply:
    """Take in the news and ask the study; a study that raised is dropped, since nobody knows what it has taken in.

    Args:
        studies: those that are held, by key.
        request: what is new, and what is asked for.
        on_each: called for each configuration that is found.
    """
    for key in request.forget:
        studies.pop(key, None)
    try:
        if request.problem is not None:
            studies[request.key] = Study(request.problem)
        study = studies[request.key]
        study.update(request.news)
        return study.suggest(request.indices, on_each)
    except SearchFailed as error:
        studies.pop(request.key, None)
        return Failure(str(error))
    except Exception as error:  # noqa: BLE001 - a sampler's own defect must not take the other experiments with it
        studies.pop(request.key, None)
        return Failure(f"{type(error).__name__}: {error}")


def _read(requests: BinaryIO) -> bytes:
    head = requests.read(LENGTH.size)
    return requests.read(LENGTH.unpack(head)[0]) if len(head) == LENGTH.size else b""


def main() -> None:
    """Keep stdout for replies alone: what a sampler prints goes to stderr."""
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    import_module("toprung.search.samplers.tpe")  # before the first question, which it would delay
    try:
        replies.write(pack(READY))
        replies.flush()
        serve(sys.stdin.buffer, replies)
    except BrokenPipeError:
        os._exit(0)  # the operator is gone, and so is whom to tell


if __name__ == "__main__":
    main()
