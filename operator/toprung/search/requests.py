"""The state of the requests in the search pool."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from toprung.search.request_queue import Job
from toprung.search.search_process import SearchProcess, Session
from toprung.search.types import Evaluation, Problem


@dataclass(slots=True)
class PendingRequest:
    """One call of `suggest`.

    Attributes:
        startup: whether the request needs no model although its sampler has one.
        process, session: the process that has the history or is receiving it.
        shared: whether other studies were in the process that reached the memory limit.
        cancelled: whether the caller no longer needs the result.
        until: time at which an incomplete batch is returned; None while it is empty.
    """

    problem: Problem
    history: Mapping[int, Evaluation]
    startup: bool
    process: SearchProcess | None = None
    session: Session | None = None
    shared: bool = False
    cancelled: bool = False
    until: float | None = None

    @property
    def bound(self) -> SearchProcess | None:
        """Return the process that has at least a part of the history, if it is still alive."""
        current = self.process is not None and self.session is not None and self.process.current(self.session)
        return self.process if current else None


@dataclass(eq=False, slots=True)
class Waiting:
    """A step that waits for a process; None if the batch is returned without it."""

    job: Job
    request: PendingRequest
    process: asyncio.Future[SearchProcess | None]

    def give_up(self) -> None:
        """End the wait."""
        if not self.process.done():
            self.process.set_result(None)

    def unused(self) -> SearchProcess | None:
        """Return the process that was assigned but is not used."""
        assigned = self.process.done() and not self.process.cancelled() and self.process.exception() is None
        return self.process.result() if assigned else None
