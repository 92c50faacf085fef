"""What one reconciliation leaves for the next one."""

from dataclasses import dataclass, field
from datetime import datetime

from toprung.controller.action_backoff import ActionBackoff
from toprung.objects.conditions import BlockReason


@dataclass(slots=True)
class ReconcileState:
    """What one reconciliation leaves for the next one; all of it may be lost at any time.

    Attributes:
        backoff: what failed, and when it is tried again.
        pods_refused: why Pods were refused; one at a time is tried until all that should run do.
        status_written: when the status was last written.
        logged: when a failure was last logged.
        warm_start_reported: whether an Event reported what the sampler learns from.
        planning_seconds: how long the last plan took; the experiment rests as long, so that others have their turn.
    """

    uid: str
    generation: int
    backoff: ActionBackoff = field(default_factory=ActionBackoff)
    pods_refused: BlockReason | None = None
    status_written: datetime | None = None
    logged: datetime | None = None
    warm_start_reported: bool = False
    planning_seconds: float = 0.0
