"""Which attempts start now: those whose Pod is missing first, then new trials while there are free slots."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from toprung.planning.actions import Chain, CreatePod, CreateTrial
from toprung.planning.records import PodRecord, Snapshot
from toprung.planning.trials import Step
from toprung.stopping.types import Stopper

READY_AHEAD = 8
"""Suggestions to have ready at most: enough for a burst of ends, few enough that they know of most results."""


@dataclass(frozen=True, slots=True)
class Starts:
    """What starts.

    Attributes:
        chains: index of a trial -> its actions.
        wanted: the indices whose suggestions should be made ready.
    """

    chains: Mapping[int, Chain]
    wanted: tuple[int, ...]


def next_index(snapshot: Snapshot) -> int:
    """The index of the next new trial; one that was ever used is not used again, even if its Trial was deleted."""
    last = snapshot.trials[-1].index + 1 if snapshot.trials else 0
    return max(last, snapshot.experiment.made)


def starts(snapshot: Snapshot, steps: Iterable[Step], stopper: Stopper | None) -> Starts:
    """Fill the free slots."""
    spec = snapshot.experiment.spec
    slots = _free_slots(snapshot)
    waiting = [step.after for step in steps if _lacks_pod(step)]
    chains: dict[int, Chain] = {
        trial.index: (CreatePod(trial.index, trial.attempt),) for trial in waiting[: max(0, slots)]
    }
    slots -= len(chains)
    fresh = next_index(snapshot)
    while slots > 0 and fresh < spec.max_trial_count and fresh in snapshot.suggestions:
        bracket = stopper.bracket(fresh) if stopper is not None else 0
        chains[fresh] = (CreateTrial(fresh, snapshot.suggestions[fresh], bracket), CreatePod(fresh, 1))
        fresh, slots = fresh + 1, slots - 1
    ahead = min(READY_AHEAD, max(1, spec.parallel_trial_count // 4))
    until = min(spec.max_trial_count, fresh + max(slots, 0) + ahead)
    return Starts(chains, tuple(range(fresh, until)))


def _lacks_pod(step: Step) -> bool:
    """Whether the trial waits for a Pod; an attempt that ended in this pass has a successor without one."""
    if step.after.state.terminal:
        return False
    return step.pod is None or step.after.attempt != step.before.attempt


def _free_slots(snapshot: Snapshot) -> int:
    if snapshot.hold:
        return 0
    alive = sum(holds_slot(pod) for pods in snapshot.pods.values() for pod in pods)
    free = snapshot.experiment.spec.parallel_trial_count - alive
    return free if snapshot.trouble is None else min(free, 1)


def holds_slot(pod: PodRecord) -> bool:
    """Whether the Pod counts against parallelTrialCount: one told to end does while it holds a device."""
    return not pod.ended and (not pod.leaving or pod.devices > 0)
