"""What the API server refuses, as a matter of the operator's rights or of a rule: tried again, but later and later.

Passes come as often as anything happens; without this each of them would ask again.
"""

import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from toprung.api.errors import Forbidden, Rejected
from toprung.cluster.backoff import Backoff, Jitter
from toprung.planning.actions import Action, DeletePod, StopPod, WriteTrial

BACKOFF = Backoff(first=1.0, longest=60.0)
Refused = Forbidden | Rejected
Subject = tuple[type[Action], str]


@dataclass(frozen=True, slots=True)
class Refusal:
    """One of so many in a row, and until when nothing is asked."""

    error: Refused
    times: int
    until: datetime


@dataclass(slots=True)
class Refusals:
    """Of one experiment; may be lost at any time."""

    jitter: Jitter = random.random
    _known: dict[Subject, Refusal] = field(default_factory=dict)

    def held(self, action: Action, now: datetime) -> Refused | None:
        """Give the answer that the action got when it was last tried, None if it may be tried."""
        known = self._known.get(subject) if (subject := _subject(action)) is not None else None
        return known.error if known is not None and now < known.until else None

    def note(self, action: Action, error: Refused, now: datetime) -> None:
        """Remember that the action was refused."""
        if (subject := _subject(action)) is None:
            return
        times = self._known[subject].times + 1 if subject in self._known else 1
        until = now + timedelta(seconds=BACKOFF.delay(times, self.jitter))
        self._known[subject] = Refusal(error, times, until)

    def forget(self, action: Action) -> None:
        """Remember that the action was done."""
        if (subject := _subject(action)) is not None:
            self._known.pop(subject, None)

    def due(self, now: datetime) -> datetime | None:
        """When the next of them may be tried again."""
        return min((each.until for each in self._known.values() if each.until > now), default=None)


def _subject(action: Action) -> Subject | None:
    """Say what an action is about, whatever else it says in this pass; None: it is not held back here.

    That Pods are refused is the experiment's trouble as a whole, and Events are not tried twice.
    """
    match action:
        case WriteTrial(trial):
            return WriteTrial, trial.name
        case StopPod(name) | DeletePod(name):
            return type(action), name
        case _:
            return None
