"""A cluster in virtual time that executes plans: Trials and Pods as JSON, programs as scripted reports."""

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch

from toprung.api.v1alpha1.experiment import ExperimentSpec
from toprung.api.v1alpha1.experiment_status import ExperimentStatus
from toprung.api.v1alpha1.trial import TrialStatus
from toprung.early_stopping import Stopper
from toprung.metrics.progress import observe
from toprung.metrics.types import Progress, Tracking
from toprung.objects.conditions import condition_from
from toprung.objects.experiment import ExperimentRecord
from toprung.objects.ownership import owned_pods, owned_trials
from toprung.objects.pod import PodRecord, pod_from, stop_patch
from toprung.objects.pod_manifest import pod_manifest
from toprung.objects.trial import TrialRecord
from toprung.objects.trial_json import trial_from, trial_manifest, trial_status
from toprung.planning.actions import Action, CreatePod, CreateTrial, DeletePod, EmitEvent, Plan, StopPod, WriteTrial
from toprung.planning.completion import deadline_of
from toprung.planning.early_stopping import build_rule
from toprung.planning.plan import make_plan
from toprung.planning.snapshot import Collected, Snapshot, deleted_indices
from toprung.planning.summary import Execution, Summary, summarize
from toprung.timestamps import parse_time, timestamp

START = datetime(2026, 1, 1, tzinfo=UTC)
COMPLETE = Execution()
"""The execution of all actions of a plan."""


def summary_of(snapshot: Snapshot, now: datetime, execution: Execution = COMPLETE) -> Summary:
    """Return the summary of a snapshot, by its plan."""
    return summarize(snapshot, make_plan(snapshot, now), execution, now)


def merged(status: Any) -> Any:
    """Return the value that the API server stores after a merge patch. Null removes a member of an object."""
    if not isinstance(status, Mapping):
        return status
    return {name: merged(value) for name, value in status.items() if value is not None}


@dataclass(frozen=True)
class Program:
    """The program of a Pod: one report a second from step `first` on, then an exit code. With None it hangs.

    A report is a value of the first objective, or the values of several metrics by name. After SIGTERM the program
    runs for `grace`. A Pod with a sidecar runs after its program's end, until it is stopped.
    """

    values: tuple[float | Mapping[str, float], ...]
    exit_code: int | None = 0
    disrupted: bool = False
    grace: timedelta = timedelta(seconds=2)
    sidecar: bool = False
    first: int = 1


@dataclass
class World:
    """The cluster. `program(index, attempt)` returns the program of each Pod."""

    spec: ExperimentSpec
    program: Callable[[int, int], Program]
    suggest: Callable[[int], Mapping[str, Any] | None] = lambda index: {"lr": 0.001 * (index + 1)}
    rule: Callable[[], Stopper] | None = None
    obeys: bool = True
    start_delay: timedelta = timedelta(0)
    now: datetime = START
    status: dict[str, Any] = field(default_factory=dict)
    trials: dict[str, dict[str, Any]] = field(default_factory=dict)
    pods: dict[str, dict[str, Any]] = field(default_factory=dict)
    stopped_at: dict[str, datetime] = field(default_factory=dict)
    events: list[EmitEvent] = field(default_factory=list)
    created_names: list[str] = field(default_factory=list)
    versions: Any = field(default_factory=lambda: itertools.count(1))
    progress_at_start: dict[str, Progress] = field(default_factory=dict)
    writes: int = 0

    def experiment(self) -> ExperimentRecord:
        """Return the Experiment as the operator reads it."""
        conditions = tuple(filter(None, map(condition_from, self.status.get("conditions", ()))))
        return ExperimentRecord(
            namespace="team",
            name="exp",
            uid="uid-exp",
            generation=1,
            created=START,
            spec=self.spec,
            status=self.status,
            conditions=conditions,
            start_time=parse_time(self.status.get("startTime")),
            completion_time=parse_time(self.status.get("completionTime")),
            created_count=self.status.get("trials", {}).get("total", 0),
        )

    def trial_records(self) -> tuple[TrialRecord, ...]:
        """Return all Trials by index."""
        return tuple(sorted(map(trial_from, self.trials.values()), key=lambda trial: trial.index))

    def pod_records(self) -> tuple[PodRecord, ...]:
        """Return all Pods."""
        return tuple(map(pod_from, self.pods.values()))

    def snapshot(self) -> Snapshot:
        """Return the snapshot that the operator observes now."""
        experiment = self.experiment()
        trials = owned_trials(experiment, self.trial_records())
        pods = owned_pods(trials, self.pod_records())
        fresh = range(max((trial.index + 1 for trial in trials), default=0), self.spec.max_trial_count)
        suggestions = {index: parameters for index in fresh if (parameters := self.suggest(index)) is not None}
        return Snapshot(
            experiment=experiment,
            trials=trials,
            pods=pods,
            collected={pod.uid: self._collected(pod) for group in pods.values() for pod in group},
            deleted=deleted_indices(experiment, trials),
            suggestions=suggestions,
            exhausted=len(suggestions) < len(fresh),
        )

    def plan(self) -> Plan:
        """Return the operator's plan at this time."""
        if self.rule is None:
            return make_plan(self.snapshot(), self.now)
        with patch("toprung.planning.plan.build_rule", return_value=self.rule()):
            return make_plan(self.snapshot(), self.now)

    def summary(self, execution: Execution = COMPLETE) -> Summary:
        """Return the operator's summary at this time, after an execution of its plan."""
        return summarize(self.snapshot(), self.plan(), execution, self.now)

    def execute(self, planned: Plan, crash_after: int | None = None) -> None:
        """Execute a plan. With `crash_after` the operator stops after that number of writes."""
        summary = summarize(self.snapshot(), planned, COMPLETE, self.now)
        left = itertools.count() if crash_after is None else range(crash_after)
        writes = iter(left)
        for chain in planned.chains:
            for action in chain:
                if next(writes, None) is None:
                    return
                self._do(action)
        if next(writes, None) is None:
            return
        self.status = {key: value for key, value in summary.status.items() if value is not None}
        ExperimentStatus.model_validate(self.status, by_alias=True)
        self.events.extend(summary.events)

    def tick(self, seconds: float = 1.0) -> None:
        """Advance the time and the Pods."""
        self.now += timedelta(seconds=seconds)
        for name, body in list(self.pods.items()):
            if body["metadata"]["uid"] in self.progress_at_start:  # not a user's Pod
                self._live(name, body)

    def run_until(self, condition: Callable[[], bool], seconds: int = 500) -> None:
        """Execute plans, a second apart, until a condition is true.

        Raises:
            TimeoutError: if the condition stays false.
        """
        for _ in range(seconds):
            if condition():
                return
            self.execute(self.plan())
            self.tick()
        raise TimeoutError(f"not within {seconds} s: {self.status}")

    def run_until_complete(self) -> None:
        """Execute plans, a second apart, until the experiment is complete."""
        self.run_until(lambda: "completionTime" in self.status)

    def _do(self, action: Action) -> None:
        self.writes += 1
        match action:
            case CreateTrial():
                body = trial_manifest(self.experiment(), action.index, action.parameters, action.bracket)
                self.trials.setdefault(body["metadata"]["name"], self._stamped(body))
                self.created_names.append(body["metadata"]["name"])
            case WriteTrial(trial):
                body = self.trials[trial.name]
                assert body["metadata"]["resourceVersion"] == trial.resource_version
                body["status"] = merged(trial_status(trial))
                TrialStatus.model_validate(body["status"], by_alias=True)
                body["metadata"]["resourceVersion"] = str(next(self.versions))
            case CreatePod(index, attempt, max_resource):
                trial = next(trial for trial in self.trial_records() if trial.index == index)
                body = pod_manifest(self.experiment(), trial, attempt, max_resource)
                if body["metadata"]["name"] not in self.pods:
                    self.pods[body["metadata"]["name"]] = self._stamped(body)
                    self.progress_at_start[body["metadata"]["uid"]] = trial.progress
            case StopPod(name):
                patch = stop_patch(action.uid, self.now)
                self.pods[name]["spec"] |= patch["spec"]
                self.pods[name]["metadata"]["annotations"] |= patch["metadata"]["annotations"]
                self.stopped_at[name] = self.now
            case DeletePod(name):
                self.pods.pop(name, None)
            case EmitEvent():
                self.events.append(action)

    def _stamped(self, body: dict[str, Any]) -> dict[str, Any]:
        version = str(next(self.versions))
        body["metadata"] |= {
            "uid": f"uid-{version}",
            "creationTimestamp": timestamp(self.now),
            "resourceVersion": version,
        }
        return body

    def _program_of(self, body: dict[str, Any]) -> Program:
        record = pod_from(body)
        return self.program(int(body["metadata"]["labels"]["toprung.dev/index"]), record.attempt)

    def _live(self, name: str, body: dict[str, Any]) -> None:
        status = body.setdefault("status", {"phase": "Pending"})
        if status["phase"] == "Pending":
            if self.now < datetime.fromisoformat(body["metadata"]["creationTimestamp"]) + self.start_delay:
                return
            status |= {"phase": "Running", "startTime": timestamp(self.now)}
            return
        program, ran = self._program_of(body), self.now - datetime.fromisoformat(status["startTime"])
        asked = self.stopped_at.get(name)
        if status["phase"] != "Running":
            return
        if asked is not None and self.obeys and self.now >= asked + program.grace:
            self._end(body, "Failed", 143, reason="DeadlineExceeded")
        elif program.exit_code is not None and ran.total_seconds() >= len(program.values):
            phase = "Succeeded" if program.exit_code == 0 and not program.disrupted else "Failed"
            phase = "Running" if program.sidecar else phase
            self._end(body, phase, program.exit_code, reason="Evicted" if program.disrupted else "")

    def _end(self, body: dict[str, Any], phase: str, exit_code: int, reason: str = "") -> None:
        ended = {"exitCode": exit_code, "finishedAt": timestamp(self.now)}
        for each in body["status"].get("containerStatuses", ()):  # the state of a program that ended before stays
            ended = each.get("state", {}).get("terminated", ended)
        statuses = [{"name": "main", "state": {"terminated": ended}}]
        if phase == "Running":
            body["spec"]["containers"] = [body["spec"]["containers"][0], {"name": "sidecar", "image": "proxy"}]
            statuses.append({"name": "sidecar", "state": {"running": {}}})
        body["status"] |= {"phase": phase, "reason": reason, "containerStatuses": statuses}

    def _collected(self, pod: PodRecord) -> Collected:
        body = self.pods[pod.name]
        progress = self.progress_at_start[pod.uid]
        if pod.started is None:
            return Collected(progress)
        deadline = deadline_of(self.experiment())
        end = min(filter(None, (pod.finished or self.now, deadline)))
        until = end - pod.started
        rule = self.rule() if self.rule is not None else build_rule(self.experiment())
        trial = trial_from(self.trials[pod.trial])
        program = self._program_of(body)
        reported = program.values[: int(until.total_seconds())]
        objective, *others = self.spec.all_objectives
        tracking = Tracking(
            objective.metric,
            maximize=objective.type == "maximize",
            levels=rule.levels(trial.bracket) if rule is not None else (),
            others=frozenset(other.metric for other in others),
        )
        last = None
        for second, report in enumerate(reported, start=1):
            last = pod.started + timedelta(seconds=second)
            progress = observe(
                progress,
                program.first + second - 1 - trial.step_offset,
                report if isinstance(report, Mapping) else {objective.metric: report},
                time=last,
                tracking=tracking,
            )
        return Collected(progress, drained=pod.over, tail=("the last line",), reported=last, idle=True)
