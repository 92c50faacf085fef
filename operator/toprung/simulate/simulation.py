"""One experiment in virtual time: an event heap, a cluster of records, and the operator's planner.

As in the operator, the planner decides everything from the same records, and suggestions are requested ahead. Simpler
than in the operator: actions and suggestions take no time, Pods start when they are created and obey at once, nothing
fails, and values that are only displayed are not written.
"""

import heapq
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count, islice
from math import isfinite

from toprung.api.v1alpha1.experiment import ExperimentSpec
from toprung.api.v1alpha1.trial import TrialState
from toprung.early_stopping import RungResult, Stopper, stopper_for
from toprung.errors import InternalError
from toprung.metrics.progress import observe, score
from toprung.metrics.types import Progress
from toprung.objects.experiment import ExperimentRecord
from toprung.objects.pod import PodPhase, PodRecord
from toprung.objects.trial import TrialRecord
from toprung.planning.actions import Action, CreatePod, CreateTrial, DeletePod, Plan, StopPod, WriteTrial
from toprung.planning.plan import make_plan, plan_by
from toprung.planning.snapshot import Collected, Snapshot
from toprung.search.types import Configuration
from toprung.simulate.configuration_source import Chooser
from toprung.simulate.learning_curves import Curve, InvalidTable, Table
from toprung.simulate.transcript import OutOfSight, Transcript

START = datetime(2000, 1, 1, tzinfo=UTC)
_OWNER = "simulated/experiment"
_UID = "experiment"


@dataclass(frozen=True, slots=True)
class Run:
    """What came of a simulated experiment.

    Attributes:
        trials: all of them, by index.
        rows: index of a trial -> its row of the table.
        incumbents: (seconds since the start, value) of each report that was better than all before.
        seconds: until the experiment ended.
        steps: that were trained, in all; starts: attempts that were begun.
        reason: why it ended, as its condition says it.
    """

    trials: tuple[TrialRecord, ...]
    rows: Mapping[int, int]
    incumbents: tuple[tuple[float, float], ...]
    seconds: float
    steps: int
    starts: int
    reason: str


@dataclass(slots=True)
class _Attempt:
    """A running Pod.

    Attributes:
        step: the last one it has trained.
        last: the one after which it ends.
        due: when its next report comes, in seconds since the start.
    """

    pod: PodRecord
    index: int
    curve: Curve
    step: int
    last: int
    due: float


def refuse_unrecorded(spec: ExperimentSpec) -> None:
    """See that recorded curves can tell what the experiment asks for.

    Raises:
        InvalidTable: trials would change their parameters as they run, have several objectives, or learn from trials
            of other experiments.
    """
    if spec.early_stopping is not None and spec.early_stopping.pbt is not None:
        raise InvalidTable("spec.earlyStopping.pbt changes parameters while a trial runs, which no table has recorded")
    if spec.objectives is not None:
        raise InvalidTable("spec.objectives can't be simulated: a recorded curve is of one metric; write objective")
    if spec.warm_start is not None:
        names = ", ".join(spec.warm_start.experiments)
        raise InvalidTable(f"spec.warmStart can't be simulated: no table has the trials of {names}; leave it out")


@dataclass(slots=True)
class Simulation:
    """One run; :meth:`run` is called once.

    Attributes:
        spec: the experiment; promotions need its `checkpoint` as they do in a cluster.
        table: what training would report.
        chooser: gives trials their rows.
        seed: of the brackets; the chooser has its own.
        start_cost: seconds from the creation of a Pod, for a new trial or a promoted one, to its first step.
    """

    spec: ExperimentSpec
    table: Table
    chooser: Chooser
    seed: int = 0
    start_cost: float = 0.0
    _now: float = 0.0
    _stopper: Stopper | None = None
    _heap: list[tuple[float, int, int]] = field(default_factory=list)
    _order: Iterator[int] = field(default_factory=count)
    _trials: dict[int, TrialRecord] = field(default_factory=dict)
    _sight: set[int] = field(default_factory=set)
    _attempts: dict[int, _Attempt] = field(default_factory=dict)
    _progress: dict[int, Progress] = field(default_factory=dict)
    _suggestions: dict[int, Configuration] = field(default_factory=dict)
    _news: dict[int, TrialRecord] = field(default_factory=dict)
    _rows: dict[int, int] = field(default_factory=dict)
    _promoted: tuple[RungResult, ...] = ()
    _promised: tuple[RungResult, ...] = ()
    _best: int | None = None
    _incumbents: list[tuple[float, float]] = field(default_factory=list)
    _exhausted: bool = False
    _ended: str | None = None
    _steps: int = 0
    _starts: int = 0

    def run(self) -> Run:
        """Simulate until the experiment ends.

        Raises:
            InvalidTable: see :func:`refuse_unrecorded`.
        """
        refuse_unrecorded(self.spec)
        self._stopper = self._fresh_stopper()
        if self.spec.max_duration is not None:
            self._push(self.spec.max_duration.total_seconds(), -1)
        self._settle()
        while self._heap and self._ended is None:
            self._now, _, index = heapq.heappop(self._heap)
            if index < 0 or self._report(index):
                self._settle()
        return Run(
            trials=tuple(self._trials[index] for index in sorted(self._trials)),
            rows=self._rows,
            incumbents=tuple(self._incumbents),
            seconds=self._now,
            steps=self._steps,
            starts=self._starts,
            reason=self._ended or "",
        )

    def _fresh_stopper(self) -> Stopper | None:
        return stopper_for(self.spec.early_stopping, self.seed, checkpoint=self.spec.checkpoint is not None)

    def _push(self, moment: float, index: int) -> None:
        heapq.heappush(self._heap, (moment, next(self._order), index))

    def _time(self, seconds: float) -> datetime:
        return START + timedelta(seconds=seconds)

    def _report(self, index: int) -> bool:
        """Let an attempt report its next step; says whether a pass may have something to do."""
        attempt = self._attempts.get(index)
        if attempt is None or attempt.due != self._now:
            return False  # it was ended meanwhile
        attempt.step += 1
        self._steps += 1
        value, before = attempt.curve.values[attempt.step - 1], self._progress[index]
        after = self._progress[index] = observe(
            before,
            attempt.step,
            {self.spec.primary_objective.metric: value},
            time=self._time(self._now),
            metric=self.spec.primary_objective.metric,
            maximize=self.spec.primary_objective.type == "maximize",
            levels=self._levels(self._trials[index].bracket),
        )
        better = self._note_incumbent(index, value)
        if attempt.step == attempt.last:
            attempt.pod = replace(attempt.pod, phase=PodPhase.SUCCEEDED, finished=self._time(self._now), exit_code=0)
        else:
            self._schedule(attempt)
        crossed = len(after.crossings) > len(before.crossings)
        if not self._matters(crossed=crossed, better=better, ended=attempt.pod.ended):
            return False
        self._sight.add(index)
        return True

    def _matters(self, *, crossed: bool, better: bool, ended: bool) -> bool:
        """Whether the planner may have something to do after a report."""
        rule = self.spec.early_stopping
        alone = rule is not None and (rule.patience is not None or rule.threshold is not None)
        standing = self.spec.stop_when_no_progress is not None  # hangs on all trials, those that run included
        return crossed or ended or alone or standing or (better and self.spec.primary_objective.goal is not None)

    def _schedule(self, attempt: _Attempt) -> None:
        attempt.due = max(attempt.due, self._now) + attempt.curve.seconds[attempt.step]
        self._push(attempt.due, attempt.index)

    def _note_incumbent(self, index: int, value: float) -> bool:
        maximize = self.spec.primary_objective.type == "maximize"
        known = score(self._incumbents[-1][1], maximize=maximize) if self._incumbents else float("-inf")
        if not isfinite(value) or score(value, maximize=maximize) <= known:
            return False
        self._incumbents.append((self._now, value))
        self._best = index
        return True

    def _levels(self, bracket: int) -> tuple[int, ...]:
        return self._stopper.levels(bracket) if self._stopper is not None else ()

    def _settle(self) -> None:
        """Make passes until one leaves nothing to do."""
        while self._ended is None:
            planned = self._pass()
            self._sight.clear()
            freed = [self._do(action) for chain in planned.chains for action in chain]
            if planned.ended is not None:
                self._end()
                return
            self._mind_promises()
            asked = self._ask(planned.suggestions_needed)
            if not any(freed) and not (asked and len(self._attempts) < self.spec.parallel_trial_count):
                return

    def _mind_promises(self) -> None:
        """Carry over who was to go on and could not, for its Pod had yet to end: by the next pass it has a slot again.

        A planner forgets that with the pass and asks the rule again; nothing has come in between that could change its
        answer.
        """
        if waiting := self._waiting(self._promised):
            raise InternalError(f"trials that were to go on, and have free slots, still wait: {waiting}")
        self._promised, self._promoted = self._waiting(self._promoted), ()

    def _waiting(self, results: Iterable[RungResult]) -> tuple[RungResult, ...]:
        """Give those that still wait where they were; one that has gone on may wait at a higher rung."""
        trials = ((each, self._trials[each.index]) for each in results)
        return tuple(
            each
            for each, trial in trials
            if trial.state is TrialState.PAUSED and trial.rungs[-1].resource == each.resource
        )

    def _pass(self) -> Plan:
        """Plan by what a plan depends on, which is less than all Trials.

        The records of rungs are in the rule, which lives as long as the run. So a trial that is paused counts when it
        is promoted, and one that runs when its report matters. When nothing new is left to start, the incumbent counts
        too, and any other one that runs says that not all have ended. The Pods are all there, for they hold slots. For
        stopWhenNoProgress all trials count.
        """
        now = self._time(self._now)
        if self._stopper is None:
            return make_plan(self._observe(), now)
        transcript = Transcript(self._stopper, self._sight, list(self._promised))
        while True:
            try:
                planned = plan_by(transcript, self._observe(), now)
            except OutOfSight as missing:
                self._sight.add(missing.index)
                transcript.again()
            else:
                self._promoted = transcript.promoted
                return planned

    def _observe(self) -> Snapshot:
        seen = self._seen()
        reporting = (self._attempts[index] for index in seen if index in self._attempts)
        return Snapshot(
            experiment=self._experiment(),
            trials=tuple(self._trials[index] for index in sorted(seen)),
            pods={attempt.pod.trial: (attempt.pod,) for attempt in self._attempts.values()},
            collected={
                attempt.pod.uid: Collected(self._progress[attempt.index], drained=attempt.pod.ended)
                for attempt in reporting
            },
            suggestions=self._suggestions,
            exhausted=self._exhausted,
        )

    def _seen(self) -> set[int]:
        """Give the indices of the trials that the planner is to see."""
        if self.spec.stop_when_no_progress is not None:
            return set(self._trials)
        if len(self._trials) < self.spec.max_trial_count and not self._exhausted:
            return self._sight
        others = (index for index in self._attempts if index not in self._sight)
        return {*self._sight, *islice(others, 1), *([] if self._best is None else [self._best])}

    def _experiment(self) -> ExperimentRecord:
        return ExperimentRecord(
            namespace="simulated",
            name="experiment",
            uid=_UID,
            generation=1,
            created=START,
            spec=self.spec,
            start_time=START,
            created_count=len(self._trials),
        )

    def _do(self, action: Action) -> bool:
        """Carry out an action; says whether a Pod ended by it."""
        match action:
            case CreateTrial(index, parameters, bracket):
                name = f"experiment-{index}"
                created = self._time(self._now)
                self._keep(TrialRecord(_OWNER, _UID, name, name, index, parameters, created, bracket))
                self._suggestions.pop(index)
            case WriteTrial(trial):
                self._keep(trial)
            case CreatePod(index, attempt):
                self._start(self._trials[index], attempt)
            case StopPod() | DeletePod():
                ended = [index for index, attempt in self._attempts.items() if attempt.pod.name == action.name]
                for index in ended:
                    del self._attempts[index]
                return bool(ended)
        return False

    def _keep(self, trial: TrialRecord) -> None:
        """Take a Trial in; its Pod is gone when both are over."""
        self._trials[trial.index] = self._news[trial.index] = trial
        at_rest = trial.state.terminal or trial.state is TrialState.PAUSED
        attempt = self._attempts.get(trial.index)
        if at_rest and attempt is not None and attempt.pod.ended:
            del self._attempts[trial.index]

    def _start(self, trial: TrialRecord, number: int) -> None:
        curve = self.table.curves[self._rows[trial.index]]
        done = int(trial.progress.latest.step) if trial.progress.latest is not None else 0
        levels, now = self._levels(trial.bracket), self._time(self._now)
        name = f"{trial.name}-{number}"
        pod = PodRecord(_OWNER, trial.uid, name, name, trial.name, number, PodPhase.RUNNING, now, started=now)
        last = min(len(curve.values), levels[-1]) if levels else len(curve.values)
        attempt = _Attempt(pod, trial.index, curve, done, last, self._now + self.start_cost)
        self._attempts[trial.index] = attempt
        self._progress[trial.index] = trial.progress
        self._starts += 1
        self._schedule(attempt)

    def _ask(self, wanted: tuple[int, ...]) -> bool:
        """Have suggestions made; says whether there are new ones."""
        missing = tuple(index for index in wanted if index not in self._suggestions)
        if not missing or self._exhausted:
            return False
        rows = self.chooser.choose(missing, tuple(self._news.values()))
        self._news.clear()
        self._rows.update(rows)
        self._suggestions.update({index: self.table.curves[row].parameters for index, row in rows.items()})
        self._exhausted = len(rows) < len(missing)
        return True

    def _end(self) -> None:
        """Make the last pass with all Trials in sight, so that those that are paused end with the experiment."""
        self._sight.update(self._trials)
        planned = self._pass()
        for chain in planned.chains:
            for action in chain:
                self._do(action)
        self._ended = planned.ended.reason if planned.ended is not None else ""
