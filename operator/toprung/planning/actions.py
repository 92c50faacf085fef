"""What a plan may ask for, as data."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from toprung.api.base import ParameterValue
from toprung.planning.records import TrialRecord


@dataclass(frozen=True, slots=True)
class CreateTrial:
    """Write a configuration down before anything runs with it."""

    index: int
    parameters: Mapping[str, ParameterValue]
    bracket: int


@dataclass(frozen=True, slots=True)
class CreatePod:
    """Start an attempt of the trial of that index."""

    index: int
    attempt: int


@dataclass(frozen=True, slots=True)
class WriteTrial:
    """Write the Trial's status."""

    trial: TrialRecord


@dataclass(frozen=True, slots=True)
class StopPod:
    """End a running Pod but keep it and its logs: activeDeadlineSeconds becomes 1, an annotation says when."""

    name: str
    uid: str


@dataclass(frozen=True, slots=True)
class DeletePod:
    """Remove a Pod: it never ran, does not obey, or is not retained."""

    name: str
    uid: str


@dataclass(frozen=True, slots=True)
class Announce:
    """A Kubernetes Event about a Trial, or about the Experiment where `trial` is None.

    Attributes:
        warning: whether its type is Warning instead of Normal.
        key: tells this occurrence from others of the same reason; a second try has the same.
    """

    trial: TrialRecord | None
    warning: bool
    reason: str
    message: str
    key: str


Action = CreateTrial | CreatePod | WriteTrial | StopPod | DeletePod | Announce
Chain = tuple[Action, ...]
"""Actions in the order that survives a crash between any two; a failed one ends its chain."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do now.

    Attributes:
        chains: independent of each other, so they may run side by side.
        status: the Experiment's status as it should be, without what is unchanged by this pass.
        announcements: Events about the Experiment, emitted after its status was written.
        urgent: whether the status says more than new counts, so that it must not wait.
        wanted: indices for which a suggestion should be made ready.
        requeue_at: when to look again if nothing happens before.
    """

    chains: tuple[Chain, ...]
    status: Mapping[str, object]
    announcements: tuple[Announce, ...] = ()
    urgent: bool = False
    wanted: tuple[int, ...] = ()
    requeue_at: datetime | None = None

    @property
    def experiment_ended(self) -> bool:
        """Whether the status has a completionTime."""
        return self.status.get("completionTime") is not None
