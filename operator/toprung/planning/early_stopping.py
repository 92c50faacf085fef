"""Evaluates the rungs that trials have reached since the last reconciliation.

Verdicts are sticky because they are written into Trial.status.rungs before anything is done about them, and a recorded
rung is never evaluated again.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from math import nan

from toprung.api.v1alpha1.trial import TrialState
from toprung.early_stopping import stopper_for
from toprung.early_stopping.plugins import invalid
from toprung.early_stopping.types import Decision, Exploit, RungResult, Stopper, Verdict
from toprung.metrics.types import Crossing
from toprung.objects.experiment import ExperimentRecord
from toprung.objects.sizes import lineage_is_full
from toprung.objects.trial import RungRecord, RungVerdict, TrialRecord
from toprung.planning.rule_records import RuleRecords

RECORDED = {
    Decision.CONTINUE: RungVerdict.CONTINUE,
    Decision.EXPLOIT: RungVerdict.EXPLOIT,
    Decision.PAUSE: RungVerdict.PAUSE,
    Decision.STOP: RungVerdict.STOP,
}
SEVERITY = (Decision.CONTINUE, Decision.EXPLOIT, Decision.PAUSE, Decision.STOP)
"""Of the decisions at several rungs that one report crosses, the last in this order counts."""


def build_rule(experiment: ExperimentRecord) -> Stopper | None:
    """Build the early-stopping rule of an experiment, without records; None if its trials are not compared.

    Costs less than 10 microseconds for the built-in rules, so that each plan builds its own.

    Raises:
        InvalidExperiment: a plug-in is missing, or rejects its settings.
    """
    spec = experiment.spec
    return stopper_for(spec.early_stopping, experiment.seed, checkpoint=spec.checkpoint is not None)


def max_resource_of(rule: Stopper | None, bracket: int) -> int | None:
    """Return the resource of a full trial of a bracket, None if no rule limits it."""
    return rule.levels(bracket)[-1] if rule is not None else None


@dataclass(frozen=True, slots=True)
class RungDecision:
    """A trial with its new rungs, its decision, and the reason for a stop or pause, or the source to exploit."""

    trial: TrialRecord
    outcome: Decision = Decision.CONTINUE
    message: str = ""
    exploit: Exploit | None = None


@dataclass(frozen=True, slots=True)
class _Crossing:
    """A report by which a trial reached one or more rungs it had not reached before."""

    trial: TrialRecord
    observation: Crossing
    levels: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class RungEvaluator:
    """The rule of an experiment with all its records.

    Attributes:
        records: of the rule; it receives the recorded rungs and the new ones.
        history: all Trials as they are in the cluster: their rungs are the records.
        metric: name of the objective's metric, for messages.
    """

    records: RuleRecords
    history: tuple[TrialRecord, ...]
    metric: str

    @property
    def stopper(self) -> Stopper:
        """Return the rule."""
        return self.records.stopper

    def judge(self, live: Iterable[TrialRecord]) -> Mapping[int, RungDecision]:
        """Evaluate every rung newly reached by the live trials, in the order of the reports.

        Call it once before you request promotions.

        Returns:
            index -> the trial with its new rungs; trials that reached none are absent.
        """
        crossings = self._new_crossings(live)
        if crossings or self.stopper.pauses:
            self.records.add_all(self.history)
        return self._judge(crossings)

    def promote(self, trial: TrialRecord, resource: int) -> RungDecision:
        """Promote a paused trial from a rung; one whose Pod reached a higher rung before it ended is evaluated there.

        Returns:
            The trial with its rungs: it continues in a further attempt, waits at a higher rung, or is stopped there.
        """
        promoted = promoted_from(trial, resource)
        self.records.add(promoted)
        return self._judge(self._crossings(promoted)).get(trial.index, RungDecision(promoted))

    def _judge(self, crossings: Iterable[_Crossing]) -> Mapping[int, RungDecision]:
        judged: dict[int, RungDecision] = {}
        for crossing in crossings:
            before = judged.get(crossing.trial.index, RungDecision(crossing.trial))
            if before.outcome is Decision.CONTINUE:
                judged[crossing.trial.index] = self._cross(before.trial, crossing)
        return judged

    def end(self, trial: TrialRecord, now: datetime) -> TrialRecord:
        """Record a trial's end; a failed one is recorded as the worst of its next rung."""
        ended = self._failed(trial, now) if trial.state is TrialState.FAILED else trial
        self.records.add(ended)
        return ended

    def _failed(self, trial: TrialRecord, now: datetime) -> TrialRecord:
        reached = max((rung.resource for rung in trial.rungs), default=0)
        heading = (
            level for level in self.stopper.levels(trial.bracket) if level > max(reached, trial.last_exploit_step)
        )
        level = next(heading, None)
        if level is None:
            return trial
        return replace(trial, rungs=(*trial.rungs, RungRecord(level, None, RungVerdict.FAILED, now)))

    def _new_crossings(self, live: Iterable[TrialRecord]) -> list[_Crossing]:
        """Return the reports by which trials reached rungs that are not recorded yet, in their order."""
        running = (trial for trial in live if trial.state in (TrialState.PENDING, TrialState.RUNNING))
        crossings = (crossing for trial in running for crossing in self._crossings(trial))
        return sorted(crossings, key=lambda each: (each.observation.time, each.trial.index, each.levels))

    def _crossings(self, trial: TrialRecord) -> Iterable[_Crossing]:
        known = {rung.resource for rung in trial.rungs}
        by_step: dict[float, tuple[Crossing, list[int]]] = {}
        for level in self.stopper.levels(trial.bracket):
            if (
                level not in known
                and level > trial.last_exploit_step
                and (crossing := _crossing_of(trial, level)) is not None
            ):
                by_step.setdefault(crossing.step, (crossing, []))[1].append(level)
        for crossing, levels in by_step.values():
            yield _Crossing(trial, crossing, tuple(levels))

    def _cross(self, trial: TrialRecord, crossing: _Crossing) -> RungDecision:
        """Record the report in every rung it crosses, then evaluate each; the most severe verdict decides."""
        reached = [self._rung(level, crossing.observation) for level in crossing.levels]
        results = [self.records.result(trial, rung) for rung in reached]
        for result in results:
            self.stopper.record(result)
        verdicts = [self._verdict(trial, result) for result in results]
        judged = (
            replace(rung, verdict=RECORDED[verdict.outcome]) for rung, verdict in zip(reached, verdicts, strict=True)
        )
        recorded = replace(trial, rungs=(*trial.rungs, *judged))
        self.records.add(recorded)
        strictest = max(verdicts, key=lambda verdict: SEVERITY.index(verdict.outcome))
        message = strictest.about(self.metric, crossing.observation.value)
        return RungDecision(recorded, strictest.outcome, message, strictest.exploit)

    def _verdict(self, trial: TrialRecord, result: RungResult) -> Verdict:
        """Return the decision of the rule; a trial that has reported its whole resource no longer exploits.

        Raises:
            InvalidExperiment: a custom rule pauses a trial although it declares that it does not.
        """
        verdict = self.stopper.decide(result)
        if verdict.outcome is Decision.PAUSE and not self.stopper.pauses:
            raise invalid("name", "the rule decided Pause, but its `pauses` is False. Set `pauses = True`.")
        latest, end = trial.progress.latest, self.stopper.levels(trial.bracket)[-1]
        if verdict.outcome is Decision.EXPLOIT and latest is not None and latest.step >= end:
            return Verdict(Decision.CONTINUE, f"late: step {latest.step} is reported, which is the end")
        if verdict.outcome is Decision.EXPLOIT and lineage_is_full(each.parameters for each in trial.lineage):
            return Verdict(Decision.CONTINUE, f"its record of {len(trial.lineage)} exploits has no room for another")
        return verdict

    def _rung(self, level: int, crossed: Crossing) -> RungRecord:
        """Build the record of a rung before its verdict; best and mean only for rules that compare curves."""
        value = _finite(crossed.value)
        if not self.stopper.compares_curves:
            return RungRecord(level, value, RungVerdict.CONTINUE, crossed.time)
        best, mean = _finite(crossed.best), _finite(crossed.mean)
        return RungRecord(level, value, RungVerdict.CONTINUE, crossed.time, best=best, mean=mean)


def promoted_from(trial: TrialRecord, resource: int) -> TrialRecord:
    """Record that a paused trial is promoted from that rung."""
    rungs = tuple(
        replace(rung, verdict=RungVerdict.PROMOTE) if rung.resource == resource else rung for rung in trial.rungs
    )
    return replace(trial, rungs=rungs)


def _crossing_of(trial: TrialRecord, level: int) -> Crossing | None:
    """Return the report by which the trial reached a level, None if it has not reached it.

    What a paused Pod still reported before it ended is read, but by which report it crossed a level may be forgotten by
    the time the trial is promoted: the latest stands for it then.
    """
    progress, latest = trial.progress, trial.progress.latest
    if level in progress.crossings or latest is None or latest.step < level:
        return progress.crossings.get(level)
    best = progress.best.value if progress.best is not None else nan
    return Crossing(latest.step, latest.value, latest.time, latest.metrics, best=best, mean=progress.mean.value)


def _finite(value: float) -> float | None:
    return value if abs(value) < float("inf") else None
