"""The state of the requests in the search worker."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from toprung.search.channel import Channel, Session
from toprung.search.request_queue import Job
from toprung.search.types import Evaluation, Problem


@dataclass(slots=True)
class PendingRequest:
    """One call of `suggest`.

    Attributes:
        startup: whether the request needs no model although its sampler has one.
        channel, session: the process that has the history or is receiving it.
        shared: whether other studies were in the process that reached the memory limit.
        cancelled: whether the caller no longer needs the result.
        until: time at which an incomplete batch is returned; None while it is empty.
    """

    problem: Problem
    history: Mapping[int, Evaluation]
    startup: bool
    channel: Channel | None = None
    session: Session | None = None
    shared: bool = False
    cancelled: bool = False
    until: float | None = None

    @property
    def bound(self) -> Channel | None:
        """Return the process that has at least a part of the history, if it is still alive."""
        current = self.channel is not None and self.session is not None and self.channel.current(self.session)
        return self.channel if current else None


@dataclass(eq=False, slots=True)
class Waiting:
    """A step that waits for a process; None if the batch is returned without it."""

    job: Job
    request: PendingRequest
    channel: asyncio.Future[Channel | None]

    def give_up(self) -> None:
        """End the wait."""
        if not self.channel.done():
            self.channel.set_result(None)

    def unused(self) -> Channel | None:
        """Return the process that was assigned but is not used."""
        assigned = self.channel.done() and not self.channel.cancelled() and self.channel.exception() is None
        return self.channel.result() if assigned else None
