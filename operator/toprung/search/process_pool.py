"""Runs search in a small pool of processes: a sampler takes up to seconds, and the event loop must not wait."""

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TypeVar

from toprung.errors import SearchFailed
from toprung.search.costs import heavy, learns, startup, too_large, too_slow
from toprung.search.request_queue import Job, RequestScheduler
from toprung.search.requests import PendingRequest, Waiting
from toprung.search.search_process import ProcessDied, SearchProcess
from toprung.search.types import Evaluation, Problem, Suggestion, Suggestions
from toprung.search.worker_protocol import Reply, SamplerFailure

_MIB = 2**20
T = TypeVar("T")
_CLOSED = "the search pool is closed"


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of the pool and of one request.

    Attributes:
        drawing: processes for samplers that do not learn, and for startup trials.
        models: processes for samplers that learn.
        seconds: for one configuration, or for one part of a long history.
        memory: MiB that a process may take beyond its imports; 0 for no limit.
        idle: seconds after which an idle process with models ends.
        batch: seconds after which an incomplete batch is returned.
    """

    drawing: int = 1
    models: int = 2
    seconds: float = 30.0
    memory: int = 192
    idle: float = 300.0
    batch: float = 0.25


class SearchPool:
    """Returns suggestions for all experiments.

    A request is one configuration; between two of them namespaces take turns (see :class:`RequestScheduler`). Requests
    that only draw have separate processes, so that they never wait for a model. A process that dies or is stopped by a
    signal is started again and receives its data again, so that callers do not notice. A process that exceeds a limit
    is killed, and the experiment of the request fails.
    """

    def __init__(self, limits: Limits = Limits()) -> None:
        self._limits = limits
        kinds = [False] * limits.drawing + [True] * limits.models
        self._processes = tuple(
            SearchProcess(models=models, limit=limits.seconds, memory=limits.memory * _MIB) for models in kinds
        )
        self._scheduler = RequestScheduler(limits.models)
        self._waiting: list[Waiting] = []
        self._running: dict[SearchProcess, Job] = {}
        self._idle: dict[SearchProcess, asyncio.TimerHandle] = {}
        self._tasks: set[asyncio.Task[object]] = set()
        self._closed = False

    async def start(self) -> None:
        """Start the processes that only draw, and wait for their imports; the others start when they are needed."""
        await asyncio.gather(*(_start_if_possible(process) for process in self._processes if not process.models))

    async def suggest(self, problem: Problem, history: Mapping[int, Evaluation], indices: Sequence[int]) -> Suggestions:
        """Return configurations for new trials: at least one, and as many more as are found in a fraction of a second.

        If the call is cancelled, a request that has started has one more second. Then its process is killed.

        Args:
            problem: of the experiment; its key is unique.
            history: index -> evaluation of a trial. Only changes since the last request are sent. An unchanged
                evaluation is found fastest if it is the same object.
            indices: trials that need configurations.

        Raises:
            SearchFailed: the sampler raised or reached a limit, or its process can't be run or died twice in a row. The
                next call starts from scratch.
        """
        if self._closed:
            raise SearchFailed(_CLOSED)
        draws = learns(problem.algorithm) and startup(problem, history)
        if draws:
            self._prepare()
        known = {one.index: one for one in problem.prior} | dict(history)  # the caller may change its dict meanwhile
        request = PendingRequest(replace(problem, prior=()), known, draws)
        end, answer = _now() + self._limits.batch, Suggestions(())
        found: list[Suggestion] = []
        for index in indices:
            one = await self._suggest_one(request, index, tuple(found))
            if one is None:
                break
            answer, request.until = one, end
            found += answer.suggestions
            if answer.exhausted or _now() >= end:
                break
        return replace(answer, suggestions=tuple(found))

    def forget(self, key: str) -> None:
        """Drop the data of an experiment that has ended."""
        self._scheduler.forget(key)
        for process in self._processes:
            job = self._running.get(process)
            process.forget(key, running=job is not None and job.key == key)

    async def close(self) -> None:
        """End the processes, and fail all requests in progress."""
        self._closed = True
        for waiting in self._waiting:
            if not waiting.process.done():
                waiting.process.set_exception(SearchFailed(_CLOSED))
        self._waiting.clear()
        for timer in self._idle.values():
            timer.cancel()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(*(process.end() for process in self._processes))

    async def _suggest_one(
        self, request: PendingRequest, index: int, pending: tuple[Suggestion, ...]
    ) -> Suggestions | None:
        """Return one suggestion, from a second process if the first one ends; None after the time limit."""
        tries = 0
        while not self._closed:
            try:
                reply = await self._step(request, index, pending)
            except TimeoutError as error:
                raise SearchFailed(too_slow(request.problem, len(request.history), self._limits.seconds)) from error
            except ProcessDied as error:
                tries += 1
                if tries > 1:
                    raise SearchFailed(f"{error} twice when asked") from error
                continue
            except OSError as error:  # the system has no memory or no process left
                raise SearchFailed(f"the search process can't be run: {error}") from error
            if reply is None or isinstance(reply, Suggestions):
                return reply
            if isinstance(reply, SamplerFailure):
                tries += 1
                self._fail(request, reply, last=tries > 1)
        raise SearchFailed(_CLOSED)

    def _fail(self, request: PendingRequest, failure: SamplerFailure, *, last: bool) -> None:
        """Raise, unless other studies used the memory, too: a new process has none."""
        if not failure.memory:
            raise SearchFailed(failure.message)
        if last or not request.shared:
            raise SearchFailed(too_large(request.problem, len(request.history), self._limits.memory))

    async def _step(self, request: PendingRequest, index: int, pending: tuple[Suggestion, ...]) -> Reply | None:
        """Wait for a turn and exchange one message; other requests then have their turns. None after the time limit."""
        if (process := await self._wait_for_turn(request)) is None:
            return None
        exchange = self._in_background(self._exchange(request, process, index, pending))
        try:
            return await asyncio.shield(exchange)
        except asyncio.CancelledError:
            if exchange.cancelled():  # by close()
                raise SearchFailed(_CLOSED) from None
            request.cancelled = True
            if not exchange.done():  # else the process may have the request of another experiment
                process.shorten_deadline()
            raise

    async def _wait_for_turn(self, request: PendingRequest) -> SearchProcess | None:
        models = learns(request.problem.algorithm) and not request.startup
        job = Job(request.problem.namespace, request.problem.key, models, heavy(request.problem, len(request.history)))
        loop = asyncio.get_running_loop()
        waiting = Waiting(job, request, loop.create_future())
        self._waiting.append(waiting)
        self._dispatch()
        timer = None if request.until is None else loop.call_at(request.until, waiting.give_up)
        try:
            return await waiting.process
        except asyncio.CancelledError:
            if (process := waiting.unused()) is not None:
                self._release(process)
            raise
        finally:
            if waiting in self._waiting:
                self._waiting.remove(waiting)
            if timer is not None:
                timer.cancel()

    async def _exchange(
        self, request: PendingRequest, process: SearchProcess, index: int, pending: tuple[Suggestion, ...]
    ) -> Reply:
        try:
            if request.session is None or request.bound is not process:
                request.process, request.session = process, await process.begin(request.problem, request.history)
            if request.cancelled:
                raise ProcessDied("the request was cancelled")
            reply = await process.step(
                request.session, index, pending, startup=request.startup, problem=request.problem
            )
            if isinstance(reply, SamplerFailure) and reply.memory:
                request.shared = process.has_other_studies(request.problem.key)
                await process.end()
            if not isinstance(reply, str):  # the process has the whole history: one copy is enough
                for other in self._processes:
                    if other is not process:
                        other.forget(request.problem.key)
            return reply
        finally:
            self._release(process)

    def _dispatch(self) -> None:
        """Start all waiting requests that may start."""
        while True:
            wanted = [one for one in self._waiting if not one.process.done()]  # the others were cancelled
            places = [(one, place) for one in wanted if (place := self._free_process(one)) is not None]
            running, now = [*self._running.values()], _now()
            chosen = self._scheduler.next([one.job for one, _ in places], running, now)
            if chosen is None:
                return
            waiting, process = next(each for each in places if each[0].job is chosen)
            self._waiting.remove(waiting)
            self._running[process], process.spent = replace(chosen, since=now), None
            self._scheduler.started(chosen)
            waiting.process.set_result(process)

    def _free_process(self, waiting: Waiting) -> SearchProcess | None:
        """Return the free process for a job: the one that has its study, else a running one.

        The rest of a batch waits for its own process. The next batch may use another one.
        """
        request, job = waiting.request, waiting.job
        if request.bound is not None and request.bound not in self._running:
            return request.bound
        if request.bound is not None and request.until is not None:
            return None
        free = [one for one in self._processes if one.models == job.models and one not in self._running]
        return min(free, key=lambda one: (not one.holds(job.key), not one.alive), default=None)

    def _release(self, process: SearchProcess) -> None:
        job = self._running.pop(process)
        if process.spent is not None:
            self._scheduler.ended(job, process.spent)
        if process in self._idle:
            self._idle.pop(process).cancel()
        if not self._closed:
            if process.models:
                self._idle[process] = asyncio.get_running_loop().call_later(self._limits.idle, self._end_idle, process)
            self._dispatch()

    def _end_idle(self, process: SearchProcess) -> None:
        if process not in self._running:
            self._in_background(process.end())

    def _prepare(self) -> None:
        """Start a free process with models before the first request that needs one."""
        free = [process for process in self._processes if process.models and process not in self._running]
        if free and not any(process.alive for process in free):
            self._in_background(_start_if_possible(free[0]))

    def _in_background(self, work: Coroutine[None, None, T]) -> asyncio.Task[T]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


async def _start_if_possible(process: SearchProcess) -> None:
    with suppress(ProcessDied, OSError):  # the first request tries again, and reports it
        await process.start()


def _now() -> float:
    return asyncio.get_running_loop().time()
