"""Assigns free slots: first to attempts whose Pod is missing, then to promotions, then to new trials."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from toprung.api.v1alpha1.trial import TrialState
from toprung.early_stopping.plugins import invalid
from toprung.early_stopping.types import Stopper
from toprung.objects.pod import PodPhase, PodRecord
from toprung.objects.trial import TrialRecord
from toprung.planning.actions import ActionSequence, CreatePod, CreateTrial
from toprung.planning.early_stopping import RungEvaluator, max_resource_of
from toprung.planning.snapshot import Snapshot
from toprung.planning.terminating_pods import is_lost, may_be_replaced
from toprung.planning.transitions import TrialTransition, resume

MAX_REQUESTED = 64
"""Suggestions that one plan requests at most; the next plan requests further ones."""
MAX_PREPARED = 8
"""Largest number of suggestions to prepare: enough for a burst of ends, few enough that they know of most results."""


MAX_UNSCHEDULED = 64
"""Largest number of Pods of an experiment without a node. More would only lengthen the scheduler's queue, which all
namespaces share; an autoscaler still sees that nodes are missing."""


@dataclass(frozen=True, slots=True)
class SlotAssignment:
    """The attempts that start.

    Attributes:
        transitions: the trials that have not ended, with promotions applied.
        chains: index of a trial -> its actions.
        suggestions_needed: the indices whose suggestions should be prepared.
    """

    transitions: tuple[TrialTransition, ...]
    chains: Mapping[int, ActionSequence]
    suggestions_needed: tuple[int, ...] = ()


def next_index(snapshot: Snapshot) -> int:
    """Return the index of the next new trial; an index is never used again, even if its Trial was deleted."""
    last = snapshot.trials[-1].index + 1 if snapshot.trials else 0
    return max(last, snapshot.experiment.created_count)


def index_limit(snapshot: Snapshot) -> int:
    """Return the first index that no trial will have, bounded by maxTrialCount or by an exhausted space."""
    first, most = next_index(snapshot), snapshot.experiment.spec.max_trial_count
    left = range(first, most) if snapshot.exhausted else ()
    return next((index for index in left if index not in snapshot.suggestions), max(first, most))


def no_new_trials(snapshot: Snapshot, started: int = 0) -> bool:
    """Return whether no configuration is left to start, after so many that start now."""
    first = next_index(snapshot) + started
    return first >= snapshot.experiment.spec.max_trial_count or space_exhausted(snapshot, started)


def space_exhausted(snapshot: Snapshot, started: int = 0) -> bool:
    """Return whether the space has no further configuration, after so many that start now."""
    return snapshot.exhausted and next_index(snapshot) + started not in snapshot.suggestions


def starts(
    snapshot: Snapshot, transitions: Iterable[TrialTransition], evaluator: RungEvaluator | None, now: datetime
) -> SlotAssignment:
    """Fill the free slots. A trial that waits for a Pod has its slot, even while its earlier Pod is still ending."""
    rule = evaluator.stopper if evaluator is not None else None
    slots = _free_slots(snapshot, now)
    by_index = {transition.after.index: transition for transition in transitions}
    waiting = [transition.after for transition in by_index.values() if _needs_pod(transition)]
    free = slots - _slots_of(snapshot, waiting, now)
    waiting += _promoted(snapshot, by_index, evaluator, free, now, idle_slot=no_new_trials(snapshot))
    free = slots - _slots_of(snapshot, waiting, now)
    new = _new_trials(snapshot, rule, free)
    if no_new_trials(snapshot, len(new)):
        waiting += _promoted(snapshot, by_index, evaluator, free - len(new), now, idle_slot=True)
    ready = [trial for trial in waiting if trial.state is TrialState.PENDING and _may_start(snapshot, trial, now)]
    chains: dict[int, ActionSequence] = {
        trial.index: (CreatePod(trial.index, trial.attempt, max_resource_of(rule, trial.bracket)),)
        for trial in ready[: max(0, slots)]
    }
    needed = _suggestions_needed(snapshot, len(new), slots - _slots_of(snapshot, waiting, now))
    return SlotAssignment(tuple(by_index.values()), {**chains, **new}, needed)


def _promoted(
    snapshot: Snapshot,
    by_index: dict[int, TrialTransition],
    evaluator: RungEvaluator | None,
    slots: int,
    now: datetime,
    *,
    idle_slot: bool,
) -> list[TrialRecord]:
    """Promote paused trials while slots are free; return those that take one.

    Raises:
        InvalidExperiment: a custom rule promotes a trial that does not wait.
    """
    promoted: list[TrialRecord] = []
    while evaluator is not None and _slots_of(snapshot, promoted, now) < slots:
        candidate = evaluator.stopper.next_promotion(idle_slot=idle_slot)
        if candidate is None:
            break
        transition = by_index.get(candidate.index)
        if transition is None or transition.after.state is not TrialState.PAUSED or transition.after in promoted:
            message = f"promotes trial {candidate.index}, which is not paused. Promote each paused trial once only"
            raise invalid("name", f"the rule {message}")
        evaluator.stopper.mark_continued(candidate)
        if not _checkpoint_is_final(snapshot, transition):
            evaluator.records.exact = False  # it is no candidate in this plan only
        else:
            transition = by_index[candidate.index] = resume(
                snapshot.experiment.spec, transition, evaluator.promote(transition.after, candidate.resource), now
            )
        if not _checkpoint_is_final(snapshot, transition) or transition.after.state is TrialState.PENDING:
            promoted.append(transition.after)
    return promoted


def holds_slot(pod: PodRecord, now: datetime) -> bool:
    """Return whether the Pod counts against parallelTrialCount.

    A stopping Pod counts while it holds a device, unless its node is lost.
    """
    return not pod.ended and (not pod.stopping or pod.device_count > 0) and not is_lost(pod, now)


def _slots_of(snapshot: Snapshot, waiting: Iterable[TrialRecord], now: datetime) -> int:
    """Return how many free slots the waiting trials take; a trial whose earlier Pod still holds its slot takes none."""
    return sum(
        _may_start(snapshot, trial, now) or not any(holds_slot(pod, now) for pod in snapshot.pods.get(trial.name, ()))
        for trial in waiting
    )


def _may_start(snapshot: Snapshot, trial: TrialRecord, now: datetime) -> bool:
    """Return whether another attempt may start: no earlier Pod runs that would write the same checkpoint."""
    spec = snapshot.experiment.spec
    return all(may_be_replaced(spec, pod, now) for pod in snapshot.pods.get(trial.name, ()))


def _new_trials(snapshot: Snapshot, rule: Stopper | None, slots: int) -> Mapping[int, ActionSequence]:
    chains: dict[int, ActionSequence] = {}
    first = next_index(snapshot)
    for index in range(first, min(first + max(0, slots), snapshot.experiment.spec.max_trial_count)):
        if index not in snapshot.suggestions:
            break
        bracket = rule.bracket(index) if rule is not None else 0
        chains[index] = (
            CreateTrial(index, snapshot.suggestions[index], bracket),
            CreatePod(index, 1, max_resource_of(rule, bracket)),
        )
    return chains


def _suggestions_needed(snapshot: Snapshot, started: int, slots: int) -> tuple[int, ...]:
    """Return the indices for the slots that are still free, and for a few more that become free."""
    spec = snapshot.experiment.spec
    first = next_index(snapshot) + started
    ahead = min(MAX_PREPARED, max(1, spec.parallel_trial_count // 4))
    return tuple(range(first, min(spec.max_trial_count, first + min(MAX_REQUESTED, max(0, slots - started)) + ahead)))


def _checkpoint_is_final(snapshot: Snapshot, transition: TrialTransition) -> bool:
    """Return whether a paused trial's Pod has ended and its log is read, so that its checkpoint is final."""
    collected = snapshot.collected.get(transition.pod.uid) if transition.pod is not None else None
    return transition.pod is None or (transition.pod.ended and collected is not None and collected.drained)


def _needs_pod(transition: TrialTransition) -> bool:
    """Return whether the trial waits for a Pod; the successor of an attempt that has just ended has none."""
    if transition.after.state is not TrialState.PENDING:
        return False
    return transition.pod is None or transition.after.attempt != transition.before.attempt


def _free_slots(snapshot: Snapshot, now: datetime) -> int:
    if snapshot.backing_off:
        return 0
    pods = [pod for group in snapshot.pods.values() for pod in group]
    alive = sum(holds_slot(pod, now) for pod in pods)
    unscheduled = sum(pod.phase is PodPhase.PENDING and not pod.node for pod in pods)
    free = min(snapshot.experiment.spec.parallel_trial_count - alive, MAX_UNSCHEDULED - unscheduled)
    return free if snapshot.blocked is None else min(free, 1)
