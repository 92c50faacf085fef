"""Reads an Experiment's own Trials and Pods from the caches."""

from collections.abc import Iterator
from dataclasses import dataclass

from toprung.api.v1alpha1.conditions import Reason
from toprung.kube.cache import Cache
from toprung.objects.conditions import BlockReason
from toprung.objects.experiment import ExperimentRecord
from toprung.objects.ownership import owned_trials
from toprung.objects.pod import PodRecord
from toprung.objects.trial import TrialRecord


@dataclass(frozen=True, slots=True)
class OwnedObjects:
    """The Trials and Pods that an Experiment controls; objects with forged labels are left out."""

    trials: Cache[TrialRecord]
    pods: Cache[PodRecord]

    def trials_of(self, experiment: ExperimentRecord) -> tuple[TrialRecord, ...]:
        """Return all Trials, ascending by index."""
        return owned_trials(experiment, self.trials.of(experiment.key))

    def attempts_of(self, experiment: ExperimentRecord) -> Iterator[tuple[TrialRecord, PodRecord]]:
        """Return all Pods, each with its Trial. The cost depends on the number of Pods, not of Trials."""
        for pod in self.pods.of(experiment.key):
            trial = self.trials.get(experiment.namespace, pod.trial)
            if trial is not None and (pod.controller_uid, trial.controller_uid) == (trial.uid, experiment.uid):
                yield trial, pod

    def pods_of(self, experiment: ExperimentRecord) -> tuple[PodRecord, ...]:
        """Return all Pods."""
        return tuple(pod for _, pod in self.attempts_of(experiment))

    def alive(self, experiment: ExperimentRecord) -> int:
        """Count the Pods that a ResourceQuota counts: those in which a process may run."""
        return sum(not pod.ended for pod in self.pods_of(experiment))

    def unreadable(self, experiment: ExperimentRecord) -> BlockReason | None:
        """Return which objects cannot be read, None if all can. A plan without them could start a trial twice."""
        trials, pods = self.trials.unreadable(experiment.key), self.pods.unreadable(experiment.key)
        uids = {trial.uid for trial in self.trials_of(experiment)} if pods else set()
        problems = {key: why for key, (uid, why) in trials.items() if uid == experiment.uid}
        problems |= {key: why for key, (uid, why) in pods.items() if uid in uids}
        if not problems:
            return None
        key, why = min(problems.items())
        others = f" {len(problems) - 1} more objects cannot be read." if len(problems) > 1 else ""
        message = f"{key} cannot be read: {why}. Correct or delete it; until then no trial of the experiment changes."
        return BlockReason(Reason.UNREADABLE, message + others)
