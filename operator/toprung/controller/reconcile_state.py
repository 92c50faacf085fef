"""Keeps the state of one experiment between two reconciliations."""

import logging
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from toprung.controller.action_backoff import ActionBackoff, ActionFailure
from toprung.errors import Conflict
from toprung.objects.conditions import BlockReason

logger = logging.getLogger(__name__)

LOG_EVERY = timedelta(minutes=1)
"""Failures of one experiment are logged at most this often."""


@dataclass(slots=True)
class ReconcileState:
    """The state of one experiment between two reconciliations. A restart may lose it at any time.

    Attributes:
        backoff: the actions that failed, and when they are tried again.
        pods_refused: why Pods were refused. One Pod at a time is tried until all slots are taken.
        status_written: when the status was last written.
        logged: when a failure was last logged.
        warm_start_reported: whether an Event reported the trials that the sampler learns from.
        planning_seconds: duration of the last plan and summary. The experiment backs off as long for the others.
    """

    uid: str
    generation: int
    backoff: ActionBackoff = field(default_factory=ActionBackoff)
    pods_refused: BlockReason | None = None
    status_written: datetime | None = None
    logged: datetime | None = None
    warm_start_reported: bool = False
    planning_seconds: float = 0.0

    def log_failure(self, key: str, failure: ActionFailure, now: datetime) -> bool:
        """Log a failure; return False if another one was logged a moment ago."""
        if self.logged is not None and timedelta(0) <= now - self.logged < LOG_EVERY:
            return False
        self.logged = now
        level = logging.INFO if isinstance(failure.error, Conflict) else logging.WARNING
        message = "request failed, retrying: experiment=%s object=%s error=%s"
        logger.log(level, message, key, failure.what, failure.error)
        return True
