"""Backs off failed actions of one experiment: records which failed, and when they are tried again.

Reconciliations happen as often as events arrive. Without a back-off each of them would retry every refused write. There
is one timer for all failures of an experiment; actions that did not fail are not delayed.
"""

import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from toprung.api.v1alpha1.conditions import Reason
from toprung.errors import (
    ClusterError,
    ClusterUnavailable,
    Conflict,
    Forbidden,
    InternalError,
    NameTaken,
    Rejected,
    TopRungError,
)
from toprung.kube.backoff import Backoff, Jitter
from toprung.objects.conditions import BlockReason

BACKOFF = Backoff(first=0.5, longest=60.0)
LONGEST_WAIT = timedelta(seconds=BACKOFF.longest)
LONGEST_QUOTA_WAIT = 5.0
"""Seconds. Other Pods of the namespace may free quota at any time, and no event reports it."""
PERSISTENT = 3
"""Failures in a row after which an error that usually passes is reported as well."""
_LASTING = Forbidden | Rejected | NameTaken | InternalError

Subject = tuple[str, str]
"""The subject of a failure: the kind of action and the name of its object."""
EVERYTHING: Subject = ("*", "")
"""The API server does not answer, or an internal error prevents planning."""
PODS: Subject = ("CreatePod", "")
"""No Pod and no Trial can be created."""
STATUS: Subject = ("WriteStatus", "")


@dataclass(frozen=True, slots=True)
class ActionFailure:
    """An action that was not executed, its subject `what`, and the reason."""

    subject: Subject
    what: str
    error: TopRungError

    @property
    def lasting(self) -> bool:
        """Return whether the same request will probably fail again."""
        return isinstance(self.error, _LASTING)

    @property
    def reason(self) -> BlockReason:
        """Return the reason, quoting the API server."""
        text = str(self.error)
        match self.error:
            case Rejected():
                return BlockReason(Reason.REJECTED, f"the API server rejects {self.what}: {text}")
            case NameTaken():
                return BlockReason(Reason.NAME_TAKEN, text)
            case Forbidden() if _quota(text):
                return BlockReason(Reason.QUOTA_EXCEEDED, text)
            case Forbidden():
                return BlockReason(Reason.FORBIDDEN, text)
            case ClusterError():
                return BlockReason(Reason.API_UNAVAILABLE, f"the API server does not accept {self.what}: {text}")
            case _:
                return BlockReason(Reason.INTERNAL_ERROR, f"internal error; the operator's log has details: {text}")


@dataclass(slots=True)
class ActionBackoff:
    """The failed actions of one experiment. A restart loses them: each action is then tried once.

    Attributes:
        retry_at: when the failed actions are tried again, None where none failed.
        failures: reconciliations in a row in which something failed.
    """

    jitter: Jitter = random.random
    retry_at: datetime | None = None
    failures: int = 0
    _failed: dict[Subject, ActionFailure] = field(default_factory=dict)
    _alive: int = 0

    def blocking_failure(self, subject: Subject, now: datetime) -> ActionFailure | None:
        """Return the failure because of which the subject must not be tried now, None if it may be tried."""
        if self.retry_at is None or not timedelta(0) < self.retry_at - now <= LONGEST_WAIT:
            return None  # it is longer where the clock was set back
        return self._failed.get(EVERYTHING) or self._failed.get(subject)

    def failure_of(self, subject: Subject) -> ActionFailure | None:
        """Return the last failure of a subject, None if it succeeded since."""
        return self._failed.get(subject)

    def record(self, failures: Iterable[ActionFailure], done: Iterable[Subject], *, alive: int, now: datetime) -> None:
        """Record the outcome of a reconciliation, in which `alive` Pods exist that count against a quota.

        Failures of STATUS and EVERYTHING stay until `forget`, since their success is recorded elsewhere.
        """
        for subject in done:
            self._failed.pop(subject, None)
        new = {failure.subject: failure for failure in failures}
        if new:
            self._failed.update(new)
            self.failures += 1
            self._alive = alive if PODS in new else self._alive
            self.retry_at = now + timedelta(seconds=self._delay())
        elif not self._failed:
            self.reset()
        elif self.retry_at is not None and now >= self.retry_at:  # the others are not wanted any more
            self._failed = {
                subject: self._failed[subject] for subject in (EVERYTHING, STATUS) if subject in self._failed
            }
            if not self._failed:
                self.reset()

    def forget(self, subject: Subject) -> None:
        """Forget the failure of one subject, which succeeded."""
        if self._failed.pop(subject, None) is not None and not self._failed:
            self.reset()

    def reset(self) -> None:
        """Forget all failures, for example because the Experiment was edited."""
        self._failed.clear()
        self.failures, self.retry_at = 0, None

    def note_alive(self, alive: int) -> None:
        """Allow Pods again at once when an own Pod has ended: its quota is free."""
        if PODS in self._failed and alive < self._alive:
            del self._failed[PODS]
            self.failures = 0
            if not self._failed:
                self.retry_at = None

    @property
    def reported(self) -> BlockReason | None:
        """Return the first reason that is worth a condition, None where there is none."""
        persistent = self.failures >= PERSISTENT
        known = (each for each in self._failed.values() if not isinstance(each.error, Conflict))  # the cache is behind
        return next((each.reason for each in known if each.lasting or persistent), None)

    def _delay(self) -> float:
        delay = BACKOFF.delay(self.failures, self.jitter)
        asked = (each.error.retry_after for each in self._failed.values() if isinstance(each.error, ClusterError))
        quota_only = all(each.reason.reason is Reason.QUOTA_EXCEEDED for each in self._failed.values())
        return min(delay, LONGEST_QUOTA_WAIT) if quota_only else min(max((delay, *asked)), BACKOFF.longest)


def affects_everything(error: ClusterError) -> bool:
    """Return whether no other request is likely to succeed: no answer, overload, or no valid credentials."""
    return isinstance(error, ClusterUnavailable) and error.status in {0, 401, 429, 503}


def _quota(message: str) -> bool:
    """Return whether a quota refuses the Pod: it is used up, or requires a request or limit that is missing."""
    return "exceeded quota" in message or "failed quota" in message
