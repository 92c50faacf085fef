"""Defines the actions of a plan, as data."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from toprung.api.v1alpha1.base import ParameterValue
from toprung.objects.trial import TrialRecord
from toprung.planning.completion import Completion


@dataclass(frozen=True, slots=True)
class CreateTrial:
    """Create a Trial with its configuration, before a Pod runs with it."""

    index: int
    parameters: Mapping[str, ParameterValue]
    bracket: int


@dataclass(frozen=True, slots=True)
class CreatePod:
    """Start an attempt of the trial of that index.

    Attributes:
        max_resource: resource that the attempt may use; None: unlimited.
    """

    index: int
    attempt: int
    max_resource: int | None = None


@dataclass(frozen=True, slots=True)
class WriteTrial:
    """Write the Trial's status."""

    trial: TrialRecord


@dataclass(frozen=True, slots=True)
class StopPod:
    """Stop a running Pod but keep it and its logs: activeDeadlineSeconds becomes 1, an annotation records the time."""

    name: str
    uid: str


@dataclass(frozen=True, slots=True)
class DeletePod:
    """Delete a Pod: it never ran, does not end in time, or is not retained."""

    name: str
    uid: str


@dataclass(frozen=True, slots=True)
class EmitEvent:
    """A Kubernetes Event about a Trial, or about the Experiment where `trial` is None.

    Attributes:
        warning: whether its type is Warning instead of Normal.
        key: distinguishes this occurrence from others of the same reason; a retry has the same key.
    """

    trial: TrialRecord | None
    warning: bool
    reason: str
    message: str
    key: str


EndAction = StopPod | DeletePod
Action = CreateTrial | CreatePod | WriteTrial | StopPod | DeletePod | EmitEvent
ActionSequence = tuple[Action, ...]
"""Actions in an order that survives a crash between any two; a failed action ends its sequence."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The actions for one experiment, and the state of the experiment once they are executed.

    Attributes:
        chains: sequences of actions that are independent of each other, so they may be executed concurrently.
        trials: all trials of the snapshot as they are after the plan, ascending by index.
        ended: why the experiment ends or has ended, None while it continues.
        max_resource: resource of a full trial; None without early stopping.
        suggestions_needed: indices for which a suggestion is needed soon.
        requeue_at: when the experiment is next due if no event arrives before; None: never.
    """

    chains: tuple[ActionSequence, ...]
    trials: tuple[TrialRecord, ...] = ()
    ended: Completion | None = None
    max_resource: int | None = None
    suggestions_needed: tuple[int, ...] = ()
    requeue_at: datetime | None = None
