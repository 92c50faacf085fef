"""Defines the snapshot: the input of a plan."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise

from toprung.api.v1alpha1.base import ParameterValue
from toprung.metrics.types import Progress
from toprung.objects.conditions import BlockReason
from toprung.objects.experiment import ExperimentRecord
from toprung.objects.pod import PodRecord
from toprung.objects.trial import TrialRecord


@dataclass(frozen=True, slots=True)
class Collected:
    """The reports that were read of one Pod's log.

    Attributes:
        progress: continues the Trial's own progress.
        drained: everything that the Pod will ever print has been read.
        tail: its last lines, for messages.
        log_unavailable: why the log could not be read to its end, though it is drained; "" where it was.
        unread: lines that have a metric's name and no value that counts, for messages.
        reported: when the attempt's last report of any metric was printed, None before the first.
        until: when the last line was printed that is read, None before the first.
        idle: everything that has been printed so far has been read.
        caught_up: all that it had printed when reading began has been read, or its time limit is over.
    """

    progress: Progress
    drained: bool = False
    tail: tuple[str, ...] = ()
    log_unavailable: str = ""
    unread: tuple[str, ...] = ()
    reported: datetime | None = None
    until: datetime | None = None
    idle: bool = False
    caught_up: bool = True


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All that a plan depends on, besides the time.

    Attributes:
        trials: ascending by index.
        pods: name of a Trial -> its Pods.
        collected: UID of a Pod -> the reports that were read of it. A Pod without an entry has not been read.
        models: name of a node -> model of its accelerators, as far as it is known.
        deleted: indices that were used and have no Trial any more, as ranges.
        suggestions: index -> configuration, for trials that do not exist yet.
        exhausted: the space has no configuration for an index that is not in `suggestions`.
        blocked: why the last reconciliation could not start trials, None if it could. While it is set, one Pod at a
            time is tried.
        backing_off: whether no Pod may be tried now, because the back-off of the experiment lasts.
    """

    experiment: ExperimentRecord
    trials: tuple[TrialRecord, ...] = ()
    pods: Mapping[str, tuple[PodRecord, ...]] = field(default_factory=dict)
    collected: Mapping[str, Collected] = field(default_factory=dict)
    models: Mapping[str, str] = field(default_factory=dict)
    deleted: tuple[range, ...] = ()
    suggestions: Mapping[int, Mapping[str, ParameterValue]] = field(default_factory=dict)
    exhausted: bool = False
    blocked: BlockReason | None = None
    backing_off: bool = False

    def attempts(self) -> list[tuple[TrialRecord, PodRecord]]:
        """Return each Pod with its Trial, ascending by index."""
        return [(trial, pod) for trial in self.trials if trial.name in self.pods for pod in self.pods[trial.name]]


def deleted_indices(experiment: ExperimentRecord, trials: Sequence[TrialRecord]) -> tuple[range, ...]:
    """Return the indices that were used and have no Trial any more, as far as the status knows.

    They are ranges, so that one Trial with a very high index costs nothing.

    Args:
        trials: ascending by index.
    """
    created = min(experiment.created_count, experiment.spec.max_trial_count)
    if created <= len(trials):
        return ()
    bounds = (-1, *(trial.index for trial in trials if trial.index < created), created)
    return tuple(range(low + 1, high) for low, high in pairwise(bounds) if high > low + 1)
