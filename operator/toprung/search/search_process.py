"""Runs one search process for the operator: starts it, sends it missing data, and ends it if it fails."""

import asyncio
import os
import signal
import sys
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import toprung
from toprung.search.types import Evaluation, Problem, Suggestion
from toprung.search.worker_protocol import LENGTH, MAX_ANSWER_BYTES, Reply, Request, SamplerFailure, pack, unpack

START_TIMEOUT = 60.0
"""Seconds that a process may take for its imports."""
_POLL = 0.1
"""Seconds between two checks of a process whose answer is due."""
_GRACE = 1.0
"""Seconds until a process whose answer is no longer needed is killed."""
_STUDIES = 256
"""Maximum number of studies in a process. The least recently used one is dropped, and sent again on demand."""
_CHUNK = 2**18
"""Estimated maximum of characters of values in a request: to pack and to add them takes far less than 50 ms."""
_VALUE = 24
"""Estimated characters of a value that is not a string, and of the frame of a string."""


class ProcessDied(Exception):
    """The process ended or was stopped. A new process may answer."""


@dataclass(slots=True)
class Session:
    """The data that one process still lacks for the requests of one experiment.

    Attributes:
        process: number of the process, in the order in which they were started.
        problem: sent with the next request; None after the process has it.
        chunks: the remaining evaluations, built when they are sent: a long history would block the event loop.
        chunk: the next part of the evaluations.
        following: the part after `chunk`; None if `chunk` is the last.
    """

    key: str
    process: int
    problem: Problem | None
    chunks: Iterator[tuple[Evaluation, ...]]
    chunk: tuple[Evaluation, ...] = ()
    following: tuple[Evaluation, ...] | None = None

    def advance(self) -> None:
        """Advance to the next part."""
        self.chunk, self.following = self.following or (), next(self.chunks, None)


class SearchProcess:
    """One search process and the data sent to it. The pool sends one request at a time.

    Attributes:
        models: whether the process serves samplers that learn.
        spent: seconds of CPU time of the last request, or the seconds waited if it got no answer. The pool
            sets it to None before a request.
    """

    def __init__(self, *, models: bool, limit: float, memory: int) -> None:
        self.models = models
        self.spent: float | None = None
        self._limit = limit
        self._memory = memory
        self._process: asyncio.subprocess.Process | None = None
        self._starts = 0
        self._sent: OrderedDict[str, tuple[Problem, dict[int, Evaluation]]] = OrderedDict()
        self._forgotten: set[str] = set()
        self._deadline = 0.0
        self._starting = asyncio.Lock()

    @property
    def alive(self) -> bool:
        """Return whether a process is running."""
        return self._process is not None and self._process.returncode is None

    def holds(self, key: str) -> bool:
        """Return whether the process has a study with this key."""
        return self.alive and key in self._sent

    def has_other_studies(self, key: str) -> bool:
        """Return whether the process has studies other than this one."""
        return any(other != key for other in self._sent)

    async def begin(self, problem: Problem, history: Mapping[int, Evaluation]) -> Session:
        """Find the data that the process lacks: the difference, or everything if an evaluation was removed.

        Raises:
            ProcessDied: no process can be started in time.
            OSError: the system has no memory or no process left.
        """
        await self.start()
        known, sent = self._sent.get(problem.key, (None, {}))
        if known != problem or not sent.keys() <= history.keys():
            known, sent = None, {}
        changed = (one for index, one in history.items() if index not in sent or _differ(sent[index], one))
        session = Session(problem.key, self._starts, None if known else problem, _chunks(changed))
        session.advance()
        session.advance()
        return session

    def current(self, session: Session) -> bool:
        """Return whether the session belongs to the process that runs now."""
        return self.alive and session.process == self._starts

    async def step(
        self, session: Session, index: int, pending: tuple[Suggestion, ...], *, startup: bool, problem: Problem
    ) -> Reply:
        """Send the next request of a session. The last one requests the configuration.

        Raises:
            TimeoutError: no answer arrives within the limit; the process is killed.
            ProcessDied: the process ended or was stopped.
        """
        last = session.following is None
        forget = tuple(self._forgotten - {session.key}) + self._least_recently_used(session.key)
        request = Request(
            session.key,
            session.problem,
            session.chunk,
            index if last else None,
            pending if last else (),
            forget,
            startup,
        )
        reply = await self._exchange(pack(request))
        self._record_reply(session, request, problem, reply)
        return reply

    def forget(self, key: str, *, running: bool = False) -> None:
        """Drop the study of an experiment that has ended; `running`: a request for it is in progress."""
        if self._sent.pop(key, None) or running:
            self._forgotten.add(key)

    def shorten_deadline(self) -> None:
        """Shorten the time limit of a request that is no longer needed."""
        self._deadline = min(self._deadline, _now() + _GRACE)

    async def start(self) -> None:
        """Start a process if none is alive, and wait for its imports.

        Raises:
            ProcessDied: the process is not ready in time.
            OSError: the system has no memory or no process left.
        """
        async with self._starting:
            if not self.alive:
                await self.end()
                self._starts += 1
                self._process = await _spawn(models=self.models, memory=self._memory)
                await self._ready(self._process)

    async def _ready(self, process: asyncio.subprocess.Process) -> None:
        try:
            async with asyncio.timeout(START_TIMEOUT):
                await _receive(process)
        except (TimeoutError, ConnectionError, asyncio.IncompleteReadError) as error:
            await self.end()
            raise ProcessDied(f"the search process was not ready after {START_TIMEOUT:g} s") from error

    async def end(self) -> None:
        """Kill the process, if any, and clear the record of its studies."""
        process, self._process = self._process, None
        self._sent.clear()
        self._forgotten.clear()
        if process is not None and process.stdin is not None:
            _kill(process)
            process.stdin.close()
            await process.communicate()

    async def _exchange(self, frame: bytes) -> Reply:
        start, process = _now(), self._process
        self._deadline, self.spent = start + self._limit, 0.0
        if process is None or process.stdin is None:
            raise ProcessDied("the search process ended")
        try:
            process.stdin.write(frame)
            answer: tuple[Reply, float] = await self._answer(process)
        except TimeoutError:
            self.spent = _now() - start
            await self.end()
            raise
        except (ConnectionError, asyncio.IncompleteReadError) as error:
            self.spent = _now() - start
            await self.end()
            raise ProcessDied("the search process ended") from error
        reply, self.spent = answer
        return reply

    async def _answer(self, process: asyncio.subprocess.Process) -> Any:
        """Wait for the answer, and check meanwhile whether the process is stopped or the time limit is reached."""
        reading = asyncio.ensure_future(_receive(process))
        try:
            while not (await asyncio.wait({reading}, timeout=_POLL))[0]:
                if _stopped(process.pid):
                    raise ConnectionError("stopped by a signal")
                if _now() > self._deadline:
                    raise TimeoutError
            return reading.result()
        finally:
            reading.cancel()
            await asyncio.wait({reading})

    def _least_recently_used(self, key: str) -> tuple[str, ...]:
        return (next(iter(self._sent)),) if len(self._sent) >= _STUDIES and key not in self._sent else ()

    def _record_reply(self, session: Session, request: Request, problem: Problem, reply: Reply) -> None:
        """Record the data that the process has after its answer."""
        self._forgotten.difference_update(request.forget)
        for key in request.forget:
            self._sent.pop(key, None)
        if isinstance(reply, SamplerFailure):
            self._sent.pop(session.key, None)
            return
        if session.key in self._forgotten and session.problem is None:
            return
        self._forgotten.discard(session.key)
        if session.problem is not None:
            self._sent[session.key] = (problem, {})
        session.problem = None
        session.advance()
        self._sent[session.key][1].update((one.index, one) for one in request.evaluations)
        self._sent.move_to_end(session.key)


def _chunks(evaluations: Iterator[Evaluation]) -> Iterator[tuple[Evaluation, ...]]:
    """Divide evaluations so that the values of a chunk are not much longer than the limit."""
    chunk: list[Evaluation] = []
    size = 0
    for one in evaluations:
        chunk.append(one)
        size += sum(_VALUE + (len(value) if isinstance(value, str) else 0) for value in one.parameters.values())
        if size >= _CHUNK:
            yield tuple(chunk)
            chunk, size = [], 0
    if chunk:
        yield tuple(chunk)


async def _spawn(*, models: bool, memory: int) -> asyncio.subprocess.Process:
    """Start a process that ignores Ctrl-C at the terminal and ends when its stdin is closed."""
    paths = (str(Path(toprung.__file__).parents[1]), os.environ.get("PYTHONPATH", ""))
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "toprung.search.worker_process", "models" if models else "draws", str(memory)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        # the matrices are small, and threads of several libraries would compete for the cores; each further arena of
        # malloc would take 64 MiB of the address space
        env={
            "OMP_NUM_THREADS": "1",
            "MALLOC_ARENA_MAX": "1",
            **os.environ,
            "PYTHONPATH": os.pathsep.join(filter(None, paths)),
        },
        start_new_session=True,
    )


def _kill(process: asyncio.subprocess.Process) -> None:
    """Kill a process and all processes that a sampler has started, which would keep its pipes open."""
    with suppress(ProcessLookupError):  # it has ended
        os.killpg(process.pid, signal.SIGKILL)


def _stopped(pid: int) -> bool:
    """Return whether a signal has stopped the process. asyncio detects its end."""
    try:
        return os.waitid(os.P_PID, pid, os.WSTOPPED | os.WNOHANG | os.WNOWAIT) is not None
    except ChildProcessError:
        return False


async def _receive(process: asyncio.subprocess.Process) -> Any:
    if process.stdout is None:
        raise ConnectionError("the search process has no stdout")
    length = LENGTH.unpack(await process.stdout.readexactly(LENGTH.size))[0]
    if length > MAX_ANSWER_BYTES:
        raise ConnectionError("the answer is too long")
    return unpack(await process.stdout.readexactly(length))


def _differ(one: Evaluation, other: Evaluation) -> bool:
    return one is not other and one != other


def _now() -> float:
    return asyncio.get_running_loop().time()
