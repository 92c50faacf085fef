"""Search in a process of its own: a sampler computes for milliseconds to seconds, and the event loop must not wait."""

import asyncio
import os
import signal
import sys
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any
from zlib import crc32

import toprung
from toprung.api.errors import SearchFailed
from toprung.search.frames import LENGTH, WORKING, Failure, Reply, Request, pack, unpack
from toprung.search.types import Evaluation, Problem, Suggestions

LONGEST_ASK = 60.0
"""Seconds that a sampler may take for one configuration, its imports and all that it has to be told included.

Built-in ones take up to some seconds; one that hangs keeps the experiments that share its process waiting so long.
"""
_STUDIES = 256
"""How many studies a search process holds; the one unused longest is rebuilt when it is asked again."""


class SearchWorker:
    """Answers for the samplers of all experiments.

    Each experiment belongs to one of the processes; a process answers in the order of asking. A process that dies is
    started again, and what it needs to know is sent again, so that its end is never seen from outside. One that takes
    longer than `limit` seconds for a configuration is killed, and the experiment that it was asked for is told.
    """

    def __init__(self, processes: int = 1, *, limit: float = LONGEST_ASK) -> None:
        self._channels = tuple(_Channel(limit) for _ in range(processes))

    async def start(self) -> None:
        """Start the processes and wait until they have done their imports; the first ask does it where nobody did."""
        await asyncio.gather(*(channel.start() for channel in self._channels))

    async def suggest(self, problem: Problem, history: Mapping[int, Evaluation], indices: Sequence[int]) -> Suggestions:
        """Give configurations for new trials.

        Args:
            problem: what the experiment is; its key must not be that of another one.
            history: index -> all that is known of the experiment's trials; only what has changed since the last ask
                is sent, and what has not is found fastest where it is the same object.
            indices: trials that want configurations.

        Raises:
            SearchFailed: the sampler raised or took too long, or its process can't be run or died twice in a row;
                another try starts from scratch.
        """
        request = self._channel(problem.key).ask(problem, history, tuple(indices))
        return await asyncio.shield(asyncio.ensure_future(request))  # half an exchange would spoil the next one

    def forget(self, key: str) -> None:
        """Drop what is kept for an experiment that has ended."""
        self._channel(key).forget(key)

    async def close(self) -> None:
        """End the processes."""
        await asyncio.gather(*(channel.close() for channel in self._channels))

    def _channel(self, key: str) -> "_Channel":
        return self._channels[crc32(key.encode()) % len(self._channels)]


class _Channel:
    """One search process, and what has been sent to it."""

    def __init__(self, limit: float) -> None:
        self._limit = limit
        self._process: asyncio.subprocess.Process | None = None
        self._turn = asyncio.Lock()
        self._sent: OrderedDict[str, tuple[Problem, dict[int, Evaluation]]] = OrderedDict()
        self._forgotten: set[str] = set()
        self._closed = False

    async def start(self) -> None:
        async with self._turn:
            await self._running()

    async def ask(self, problem: Problem, history: Mapping[int, Evaluation], indices: tuple[int, ...]) -> Suggestions:
        known = dict(history)  # the caller's may change while others have their turn
        async with self._turn:
            reply = await self._answer(problem, known, indices)
        if isinstance(reply, Failure):
            raise SearchFailed(reply.message)
        return reply

    def forget(self, key: str) -> None:
        if self._sent.pop(key, None):
            self._forgotten.add(key)

    async def close(self) -> None:
        """Kill first, ask for the turn afterwards: whoever has it may wait for a slow sampler."""
        self._closed = True
        if self._process is not None:
            _kill(self._process)
        async with self._turn:
            await self._end()

    async def _answer(self, problem: Problem, history: dict[int, Evaluation], indices: tuple[int, ...]) -> Reply:
        for _ in range(2):
            if self._closed:
                break
            try:
                process = await self._running()
                request = self._request(problem, history, indices)
                reply = await _exchange(process, pack(request), self._limit)
            except TimeoutError:
                await self._end()
                slow = f"{problem.algorithm.sampler} took longer than {self._limit:g} s for one trial"
                return Failure(f"{slow} and all that it had to be told; if it does so again, name another")
            except (ConnectionError, asyncio.IncompleteReadError):
                await self._end()
                continue
            except OSError as error:  # no memory or no process is left for it
                await self._end()
                return Failure(f"the search process can't be run: {error}")
            self._note(request, problem, history, reply)
            return reply
        return Failure("the search worker is closed" if self._closed else "the search process died twice when asked")

    def _request(self, problem: Problem, history: dict[int, Evaluation], indices: tuple[int, ...]) -> Request:
        """Send the difference where the process has the study and nothing of it was taken back, else everything."""
        known, sent = self._sent.get(problem.key, (None, {}))
        if known != problem or sent.keys() - history.keys():
            known, sent = None, {}
        news = tuple(one for index, one in history.items() if index not in sent or _differ(sent[index], one))
        forget = tuple(self._forgotten - {problem.key}) + self._surplus(problem.key)
        return Request(problem.key, None if known else problem, news, indices, forget)

    def _surplus(self, key: str) -> tuple[str, ...]:
        return (next(iter(self._sent)),) if len(self._sent) >= _STUDIES and key not in self._sent else ()

    def _note(self, request: Request, problem: Problem, history: dict[int, Evaluation], reply: Reply) -> None:
        """Remember what the process knows now that it has answered."""
        self._forgotten.difference_update(request.forget)
        for key in request.forget:
            self._sent.pop(key, None)
        self._sent[problem.key] = (problem, history)
        self._sent.move_to_end(problem.key)
        if isinstance(reply, Failure):
            del self._sent[problem.key]

    async def _running(self) -> asyncio.subprocess.Process:
        if self._process is None or self._process.returncode is not None:
            await self._end()
            self._process = await _spawn(self._limit)
        return self._process

    async def _end(self) -> None:
        process, self._process = self._process, None
        self._sent.clear()
        self._forgotten.clear()
        if process is not None and process.stdin is not None:
            _kill(process)
            process.stdin.close()
            await process.communicate()


async def _spawn(limit: float) -> asyncio.subprocess.Process:
    """Start a process that a Ctrl-C at the terminal does not reach, and that the end of its stdin ends."""
    paths = (str(Path(toprung.__file__).parents[1]), os.environ.get("PYTHONPATH", ""))
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "toprung.search.process"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        # the matrices are small, and several libraries' threads would fight over the cores
        env={"OMP_NUM_THREADS": "1", **os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))},
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(limit):
            await _receive(process)
    except TimeoutError as error:
        _kill(process)
        raise ConnectionError(f"the search process was not ready after {limit:g} s") from error
    return process


def _kill(process: asyncio.subprocess.Process) -> None:
    """End a process, which may hang or have ended, with all that a sampler has started: it would hold its pipes."""
    with suppress(ProcessLookupError):  # nobody is left
        os.killpg(process.pid, signal.SIGKILL)


async def _exchange(process: asyncio.subprocess.Process, frame: bytes, limit: float) -> Reply:
    if process.stdin is None:
        raise ConnectionError("the search process has no stdin")
    process.stdin.write(frame)
    async with asyncio.timeout(limit) as deadline:
        await process.stdin.drain()
        while (reply := await _receive(process)) == WORKING:
            deadline.reschedule(asyncio.get_running_loop().time() + limit)
    answer: Reply = reply
    return answer


async def _receive(process: asyncio.subprocess.Process) -> Any:
    if process.stdout is None:
        raise ConnectionError("the search process has no stdout")
    head = await process.stdout.readexactly(LENGTH.size)
    return unpack(await process.stdout.readexactly(LENGTH.unpack(head)[0]))


def _differ(one: Evaluation, other: Evaluation) -> bool:
    return one is not other and one != other
