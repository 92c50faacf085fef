"""What the worker knows of the requests that it is asked for."""

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
        startup: it needs no model, though its sampler has one.
        channel, session: the process that has, or is receiving, the history.
        shared: whether other studies were in the process whose memory was not enough.
        cancelled: nothing is wanted any more.
        until: when the batch is returned as far as it has come; None while it is empty.
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
        """Return the process that has at least a part of the history, where it is still alive."""
        current = self.channel is not None and self.session is not None and self.channel.current(self.session)
        return self.channel if current else None


@dataclass(eq=False, slots=True)
class Waiting:
    """A step that waits for its turn, which is a process; None where the batch is returned without it."""

    job: Job
    request: PendingRequest
    place: asyncio.Future[Channel | None]

    def give_up(self) -> None:
        """End the wait."""
        if not self.place.done():
            self.place.set_result(None)

    def unused(self) -> Channel | None:
        """Return the process of a turn that is not taken."""
        given = self.place.done() and not self.place.cancelled() and self.place.exception() is None
        return self.place.result() if given else None
