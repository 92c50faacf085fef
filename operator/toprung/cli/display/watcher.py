"""Experiments and their trials as they are now: what the live table, the plain lines and the picture show."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import Any

from toprung.api.names import LABEL_EXPERIMENT
from toprung.controller.experiment_cache import ExperimentCache, InvalidRecord
from toprung.kube.cache import Cache
from toprung.kube.client import KubeClient, KubernetesObject
from toprung.kube.informer import Informer
from toprung.kube.resources import EXPERIMENTS, TRIALS
from toprung.metrics.status import progress_from_status
from toprung.objects.experiment import ExperimentRecord
from toprung.objects.trial import TrialRecord, trial_from

AnyExperiment = ExperimentRecord | InvalidRecord
Key = tuple[str, str]
"""Namespace and name of an Experiment."""
END_STATES = ("Succeeded", "Failed", "Invalid")


@dataclass(frozen=True, slots=True)
class ExperimentView:
    """One experiment at one moment; the trials ascend by index and carry their curves and messages."""

    experiment: AnyExperiment
    trials: tuple[TrialRecord, ...] = ()

    @property
    def status(self) -> Mapping[str, Any]:
        """The Experiment's status as JSON."""
        return self.experiment.status

    @property
    def state(self) -> str:
        """The status's state, Pending before there is one."""
        return str(self.status.get("state") or "Pending")

    @property
    def over(self) -> bool:
        """Whether the operator has said so of the newest spec."""
        seen = self.status.get("observedGeneration") == self.experiment.generation
        return seen and self.state in END_STATES


def whole_trial(body: Mapping[str, Any]) -> TrialRecord:
    """Read a Trial with what planning leaves out of a finished one: its curve and its message."""
    status = body.get("status") or {}
    return replace(trial_from(body), message=status.get("message", ""), progress=progress_from_status(status))


def scene_of(experiment: Mapping[str, Any], trials: tuple[Mapping[str, Any], ...]) -> ExperimentView:
    """Make a scene of the API's objects.

    Raises:
        KeyError, ValueError: they were not written by us.
    """
    experiments = ExperimentCache()
    record = experiments.get(experiments.put(experiment))
    if record is None:
        raise KeyError(experiment["metadata"]["name"])
    return ExperimentView(record, _sorted(whole_trial(trial) for trial in trials))


OnChange = Callable[[], None]
OnTrial = Callable[[TrialRecord | None, TrialRecord], None]


class Watcher:
    """Follows one Experiment and its Trials by informers; nothing is asked twice.

    `on_trial` is told of each change of a trial after the first listing, `on_change` of every change.
    """

    def __init__(self, gateway: KubeClient, key: Key, *, on_change: OnChange, on_trial: OnTrial) -> None:
        self.key = key
        namespace, name = key
        self._bodies = ExperimentCache()
        self._on_change = on_change
        self._on_trial = on_trial
        self._experiments: Cache[AnyExperiment] = Cache(
            convert=self._read, index=lambda _: "", on_change=lambda *_: on_change()
        )
        self._trials = Cache(convert=whole_trial, index=lambda trial: trial.experiment_key, on_change=self._see)
        selector = f"{LABEL_EXPERIMENT}={name}"
        self._watch = Informer(gateway, EXPERIMENTS, cache=self._experiments, namespace=namespace)
        self._watch_trials = Informer(gateway, TRIALS, cache=self._trials, namespace=namespace, label_selector=selector)

    async def run(self) -> None:
        """Follow until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._watch.run())
            tasks.create_task(self._watch_trials.run())

    async def ready(self) -> None:
        """Wait until all that there is at the start is known."""
        await self._watch.synced.wait()
        await self._watch_trials.synced.wait()

    def scene(self) -> ExperimentView | None:
        """Give what is known now; None where the Experiment is gone."""
        experiment = self._experiments.get(*self.key)
        if experiment is None:
            return None
        trials = self._trials.of("/".join(self.key))
        return ExperimentView(experiment, _sorted(trial for trial in trials if trial.controller_uid == experiment.uid))

    def _read(self, body: KubernetesObject) -> AnyExperiment | None:
        return self._bodies.get(self._bodies.put(body))

    def _see(self, _: str, old: TrialRecord | None, new: TrialRecord | None) -> None:
        if new is not None and self._watch_trials.synced.is_set():
            self._on_trial(old, new)
        self._on_change()


def _sorted(trials: Iterable[TrialRecord]) -> tuple[TrialRecord, ...]:
    return tuple(sorted(trials, key=attrgetter("index")))
