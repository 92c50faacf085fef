"""What a plan may ask for, as data."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from toprung.api.v1alpha1.base import ParameterValue
from toprung.objects.trial import TrialRecord
from toprung.planning.status import Outlook, condition_summary, status_of


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
class EmitEvent:
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


EndAction = StopPod | DeletePod
Action = CreateTrial | CreatePod | WriteTrial | StopPod | DeletePod | EmitEvent
ActionSequence = tuple[Action, ...]
"""Actions in the order that survives a crash between any two; a failed one ends its chain."""


@dataclass(frozen=True)
class Plan:
    """What to do now.

    Attributes:
        chains: independent of each other, so they may run side by side.
        outlook: what the Experiment's status tells.
        announcements: Events about the Experiment, emitted after its status was written.
        suggestions_needed: indices for which a suggestion should be made ready.
        requeue_at: when to look again if nothing happens before.
    """

    chains: tuple[ActionSequence, ...]
    outlook: Outlook
    announcements: tuple[EmitEvent, ...] = ()
    suggestions_needed: tuple[int, ...] = ()
    requeue_at: datetime | None = None

    @cached_property
    def status(self) -> Mapping[str, object]:
        """The Experiment's status as it should be, None for what must be absent."""
        return status_of(self.outlook)

    @property
    def urgent(self) -> bool:
        """Whether the status says more than new counts, so that it must not wait."""
        return condition_summary(self.status) != condition_summary(self.outlook.experiment.status)

    @property
    def experiment_ended(self) -> bool:
        """Whether the status has a completionTime."""
        return self.outlook.ended is not None
