# ruff: noqa: S101 - its asserts are its purpose
"""A pytest suite with the requirements on every stopping rule, built-in or custom. It needs hypothesis.

    from toprung.early_stopping.conformance import StopperConformance

    class TestMine(StopperConformance):
        def stopper(self, seed):
            return make({"patience": 3}, seed)

The operator does not import this module.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import pairwise
from math import inf, isfinite
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from toprung.api.v1alpha1.early_stopping_rules import MAX_LEVELS
from toprung.early_stopping.types import Decision, RungResult, Stopper, Verdict

SLOTS = 4
LONG = 10_000

SCORES = st.one_of(st.sampled_from([-inf, 0.0, 0.5, 1.0]), st.floats(-1e9, 1e9))
OCCASIONS = st.lists(st.tuples(st.integers(0, SLOTS - 1), SCORES, st.sampled_from([1, 1, 1, 2]), st.integers(0, 15)))
"""List of (running trial that reports, its score, number of rungs that it crosses; 0: it fails instead)."""
SEEDS = st.integers(0, 3)

_quick = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.differing_executors])


@dataclass(slots=True)
class Play:
    """A small planner that runs trials by a rule, as the contract of :class:`Stopper` requires.

    Attributes:
        stopper: the rule.
        running: index -> number of rungs that the trial has reached.
        paused: index -> result at the rung where the trial waits.
        scores: index -> scores of the trial at rungs.
        records: index -> what was said to the rule about the trial, in turn: (record, release or withdraw, result).
        judged: the results with a verdict, with the outcomes.
        latest: the results of the last report, with the verdicts.
        failed: the results that were recorded for failures.
    """

    stopper: Stopper
    running: dict[int, int] = field(default_factory=dict)
    paused: dict[int, RungResult] = field(default_factory=dict)
    scores: dict[int, list[float]] = field(default_factory=dict)
    records: dict[int, list[tuple[str, RungResult]]] = field(default_factory=dict)
    judged: list[tuple[RungResult, Decision]] = field(default_factory=list)
    latest: list[tuple[RungResult, Verdict]] = field(default_factory=list)
    failed: list[RungResult] = field(default_factory=list)

    def through(self, occasions: list[tuple[int, float, int, int]]) -> Iterator["Play"]:
        """Apply one occasion after another. Yield itself after each."""
        for which, score, rungs, luck in occasions:
            self.fill()
            index = list(self.running)[which % len(self.running)]
            if luck:
                self.report(index, score, rungs)
            else:
                self.fail(index)
            yield self

    def fill(self) -> None:
        """Fill the free slots: a promotion first, else a new trial."""
        while len(self.running) < SLOTS:
            promoted = self.stopper.next_promotion()
            if promoted is None:
                index = len(self.records)
                self.records[index], self.scores[index], self.running[index] = [], [], 0
            else:
                self._say("release", self.paused.pop(promoted.index))
                self.running[promoted.index] = len(self.scores[promoted.index])

    def report(self, index: int, score: float, rungs: int) -> None:
        """Record that a running trial reaches its next rungs by one report."""
        bracket, before = self.stopper.bracket(index), self.running[index]
        levels = self.stopper.levels(bracket)
        crossed = levels[before : before + rungs]
        self.scores[index] += [score] * len(crossed)
        finite = [each for each in self.scores[index] if isfinite(each)]
        best, mean = max(finite, default=-inf), sum(finite) / len(finite) if finite else -inf
        results = [RungResult(bracket, level, index, score, best, mean) for level in crossed]
        for result in results:
            self._say("record", result)
        self.latest = [(result, self.stopper.decide(result)) for result in results]
        outcomes = [verdict.outcome for _, verdict in self.latest]
        self.judged += zip(results, outcomes, strict=True)
        for result, outcome in zip(results, outcomes, strict=True):
            if outcome is Decision.CONTINUE:
                self._say("release", result)
        self.running[index] = before + len(crossed)
        if Decision.STOP in outcomes or self.running[index] == len(levels):
            del self.running[index]
            self._say("withdraw", results[-1])
        elif Decision.PAUSE in outcomes:
            del self.running[index]
            self.paused[index] = results[-1]

    def fail(self, index: int) -> None:
        """Record that a running trial fails before its next rung."""
        bracket = self.stopper.bracket(index)
        level = self.stopper.levels(bracket)[self.running.pop(index)]
        self.failed.append(RungResult(bracket, level, index, -inf, -inf, -inf))
        self._say("record", self.failed[-1])
        self._say("withdraw", self.failed[-1])

    def rebuilt(self, stopper: Stopper, order: list[int]) -> Stopper:
        """Send all records of this rule to a new one, trial by trial in the given order, and return it."""
        for index in order:
            for word, result in self.records[index]:
                tell(stopper, word, result)
        return stopper

    def _say(self, word: str, result: RungResult) -> None:
        self.records[result.index].append((word, result))
        tell(self.stopper, word, result)


def tell(stopper: Stopper, word: str, result: RungResult) -> None:
    """Make one call of a rule: record a result, mark its trial as continued, or mark it as finished."""
    match word:
        case "record":
            stopper.record(result)
        case "release":
            stopper.mark_continued(result)
        case _:
            stopper.mark_finished(result.bracket, result.index)


def promotions(stopper: Stopper) -> tuple[RungResult | None, RungResult | None]:
    """Return the promotion while new trials are left, and the promotion for an idle slot."""
    return stopper.next_promotion(idle_slot=False), stopper.next_promotion(idle_slot=True)


class StopperConformance:
    """The suite. A subclass implements `stopper`, which returns a new rule."""

    def stopper(self, seed: int) -> Stopper:
        """Build the rule, without records.

        Args:
            seed: of the experiment.
        """
        raise NotImplementedError

    @_quick
    @given(SEEDS, st.integers(0, 100_000))
    def test_every_trial_has_a_bracket_with_levels(self, seed: int, index: int) -> None:
        """Both are the same at every call and after a restart. Levels ascend to the same end and are at most 64."""
        stopper, restarted = self.stopper(seed), self.stopper(seed)
        bracket = stopper.bracket(index)
        levels = stopper.levels(bracket)
        assert bracket == stopper.bracket(index) == restarted.bracket(index) >= 0
        assert levels == stopper.levels(bracket) == restarted.levels(bracket)
        assert 1 <= len(levels) <= MAX_LEVELS
        assert levels[0] >= 1
        assert all(low < high for low, high in pairwise(levels))
        assert levels[-1] == stopper.levels(stopper.bracket(0))[-1]

    @_quick
    @given(SEEDS, OCCASIONS)
    def test_asking_changes_nothing(self, seed: int, occasions: list[tuple[int, float, int, int]]) -> None:
        """Repeated calls and repeated records do not change the results."""
        for play in Play(self.stopper(seed)).through(occasions):
            asked, promoted = [result for result, _ in play.judged[-SLOTS:]], promotions(play.stopper)
            answers = [play.stopper.decide(result) for result in asked]
            for trial in play.records.values():
                for word, result in trial:
                    tell(play.stopper, word, result)
            assert [play.stopper.decide(result) for result in asked] == answers
            assert promotions(play.stopper) == promoted

    @_quick
    @given(SEEDS, OCCASIONS, st.randoms(use_true_random=False))
    def test_a_restart_changes_nothing(
        self, seed: int, occasions: list[tuple[int, float, int, int]], random: Any
    ) -> None:
        """A rule rebuilt from the records, trial by trial in any order, decides as the original does."""
        *_, play = [Play(self.stopper(seed)), *Play(self.stopper(seed)).through(occasions)]
        order = list(play.records)
        random.shuffle(order)
        rebuilt = play.rebuilt(self.stopper(seed), order)
        for result, _ in play.judged:
            assert rebuilt.decide(result) == play.stopper.decide(result)
        assert promotions(rebuilt) == promotions(play.stopper)

    @_quick
    @given(SEEDS, OCCASIONS)
    def test_a_promotion_is_of_a_paused_trial_that_is_finite(
        self, seed: int, occasions: list[tuple[int, float, int, int]]
    ) -> None:
        """It is promoted once, from the rung where it waits. A rule that does not pause trials promotes none."""
        for play in Play(self.stopper(seed)).through(occasions):
            assert play.stopper.pauses or not play.paused
            for promoted in filter(None, promotions(play.stopper)):
                waits = play.paused[promoted.index]
                assert replace(promoted, best=None, mean=None) == replace(waits, best=None, mean=None)
                assert isfinite(promoted.score)

    @_quick
    @given(SEEDS, OCCASIONS)
    def test_what_is_not_finite_never_goes_on_past_a_finite_rival(
        self, seed: int, occasions: list[tuple[int, float, int, int]]
    ) -> None:
        """A non-finite trial never waits for a promotion. It stops or exploits another trial."""
        *_, play = [Play(self.stopper(seed)), *Play(self.stopper(seed)).through(occasions)]
        finite: set[tuple[int, int]] = set()
        for result, outcome in play.judged:
            rung = result.bracket, result.resource
            if isfinite(result.score):
                finite.add(rung)
            elif rung in finite:
                assert outcome in (Decision.STOP, Decision.EXPLOIT)

    @_quick
    @given(SEEDS, OCCASIONS)
    def test_verdicts_say_why_and_the_last_rung_pauses_nobody(
        self, seed: int, occasions: list[tuple[int, float, int, int]]
    ) -> None:
        """At maxResource no trial pauses or exploits."""
        *_, play = [Play(self.stopper(seed)), *Play(self.stopper(seed)).through(occasions)]
        for result, outcome in play.judged:
            assert play.stopper.decide(result).message
            last = play.stopper.levels(result.bracket)[-1]
            assert outcome not in (Decision.PAUSE, Decision.EXPLOIT) or result.resource < last

    @_quick
    @given(SEEDS, OCCASIONS)
    def test_a_donor_is_another_trial_that_is_on_record(
        self, seed: int, occasions: list[tuple[int, float, int, int]]
    ) -> None:
        """Only an exploit verdict names a donor: another trial that has reached a rung before."""
        for play in Play(self.stopper(seed)).through(occasions):
            on_record = {index for index, said in play.records.items() if said}
            for result, verdict in play.latest:
                donors = set() if verdict.exploit is None else {verdict.exploit.donor}
                assert bool(donors) == (verdict.outcome is Decision.EXPLOIT)
                assert donors <= on_record - {result.index}

    def test_a_trial_may_end_without_a_record(self) -> None:
        """The trial reported too little, or a user has deleted its Trial."""
        stopper = self.stopper(0)
        stopper.mark_finished(stopper.bracket(7), 7)
        assert promotions(stopper) == (None, None)

    def test_an_experiment_without_records_has_no_promotion(self) -> None:
        """An empty rule promotes no trial."""
        assert promotions(self.stopper(0)) == (None, None)

    def test_a_long_history_is_taken_in(self) -> None:
        """10,000 trials are recorded at once."""
        stopper, results = self.stopper(0), []
        for index in range(LONG):
            bracket = stopper.bracket(index)
            score = (index * 7919) % LONG / LONG
            results.append(RungResult(bracket, stopper.levels(bracket)[0], index, score, score, score))
            stopper.record(results[-1])
        assert stopper.decide(results[-1]).message
        assert stopper.pauses or promotions(stopper) == (None, None)
