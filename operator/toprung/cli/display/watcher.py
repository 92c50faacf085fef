"""Watches an Experiment and its Trials, and returns views of them for the table, the log lines and the plot."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import Any

from toprung.api.names import LABEL_EXPERIMENT
from toprung.cli.files.manifests import Key
from toprung.controller.experiment_cache import ExperimentCache, InvalidRecord
from toprung.kube.cache import Cache
from toprung.kube.client import KubeClient, KubernetesObject
from toprung.kube.informer import Informer
from toprung.kube.resources import EXPERIMENTS, TRIALS
from toprung.metrics.status import progress_from_status
from toprung.objects.experiment import ExperimentRecord
from toprung.objects.trial import TrialRecord
from toprung.objects.trial_json import trial_from

AnyExperiment = ExperimentRecord | InvalidRecord
END_STATES = ("Succeeded", "Failed", "Invalid")


@dataclass(frozen=True, slots=True)
class ExperimentView:
    """An Experiment and its Trials at one time. The Trials are sorted by index and have their curves and messages."""

    experiment: AnyExperiment
    trials: tuple[TrialRecord, ...] = ()

    @property
    def status(self) -> Mapping[str, Any]:
        """The Experiment's status as JSON."""
        return self.experiment.status

    @property
    def state(self) -> str:
        """The state in the status; Pending before the first status."""
        return str(self.status.get("state") or "Pending")

    @property
    def ended(self) -> bool:
        """Return whether the Experiment has ended or is invalid, by a status for the current spec."""
        current = self.status.get("observedGeneration") == self.experiment.generation
        return current and self.state in END_STATES


def full_trial(body: Mapping[str, Any]) -> TrialRecord:
    """Parse a Trial with its curve and its message, which planning omits from a finished one."""
    status = body.get("status") or {}
    return replace(trial_from(body), message=status.get("message", ""), progress=progress_from_status(status))


def view_of(experiment: Mapping[str, Any], trials: tuple[Mapping[str, Any], ...]) -> ExperimentView:
    """Build a view from objects of the API.

    Raises:
        KeyError, ValueError: the objects do not have the form that the operator writes.
    """
    experiments = ExperimentCache()
    record = experiments.get(experiments.put(experiment))
    if record is None:
        raise KeyError(experiment["metadata"]["name"])
    return ExperimentView(record, _sorted(full_trial(trial) for trial in trials))


OnChange = Callable[[], None]
OnTrial = Callable[[TrialRecord | None, TrialRecord], None]


class Watcher:
    """Follows one Experiment and its Trials with informers.

    Calls `on_trial` for each change of a trial after the first list, and `on_change` for every change.
    """

    def __init__(self, client: KubeClient, key: Key, *, on_change: OnChange, on_trial: OnTrial) -> None:
        self.key = key
        namespace, name = key
        self._bodies = ExperimentCache()
        self._on_change = on_change
        self._on_trial = on_trial
        self._experiments: Cache[AnyExperiment] = Cache(
            convert=self._parse, index=lambda _: "", on_change=lambda *_: on_change()
        )
        self._trials = Cache(
            convert=full_trial, index=lambda trial: trial.experiment_key, on_change=self._on_trial_event
        )
        selector = f"{LABEL_EXPERIMENT}={name}"
        self._watch = Informer(client, EXPERIMENTS, cache=self._experiments, namespace=namespace)
        self._watch_trials = Informer(client, TRIALS, cache=self._trials, namespace=namespace, label_selector=selector)

    async def run(self) -> None:
        """Watch until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._watch.run())
            tasks.create_task(self._watch_trials.run())

    async def ready(self) -> None:
        """Wait for the first list of the Experiment and its Trials."""
        await self._watch.synced.wait()
        await self._watch_trials.synced.wait()

    def view(self) -> ExperimentView | None:
        """Return the current view, or None if the Experiment does not exist."""
        experiment = self._experiments.get(*self.key)
        if experiment is None:
            return None
        trials = self._trials.of("/".join(self.key))
        return ExperimentView(experiment, _sorted(trial for trial in trials if trial.controller_uid == experiment.uid))

    def _parse(self, body: KubernetesObject) -> AnyExperiment | None:
        return self._bodies.get(self._bodies.put(body))

    def _on_trial_event(self, _: str, old: TrialRecord | None, new: TrialRecord | None) -> None:
        if new is not None and self._watch_trials.synced.is_set():
            self._on_trial(old, new)
        self._on_change()


def _sorted(trials: Iterable[TrialRecord]) -> tuple[TrialRecord, ...]:
    return tuple(sorted(trials, key=attrgetter("index")))
