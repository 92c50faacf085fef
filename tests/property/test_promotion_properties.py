"""Properties of the promotion variant, for any reports in any order."""

from math import ceil, isfinite

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toprung.api.v1alpha1.early_stopping import AshaSettings
from toprung.early_stopping import Decision, RungResult
from toprung.early_stopping.asha import PromotionAsha
from toprung.early_stopping.conformance import OCCASIONS, Play
from toprung.early_stopping.rungs import rung_levels
from toprung.metrics import score


@st.composite
def rules(draw):
    """Draw settings that the API accepts, with few rungs."""
    r, eta, largest = draw(st.integers(1, 3)), draw(st.integers(2, 4)), draw(st.integers(3, 30))
    brackets = draw(st.integers(1, len(rung_levels(r, largest, eta, 0))))
    rung_skew = draw(st.sampled_from([None, 0, 1 / 3, 1]))
    return PromotionAsha(
        AshaSettings(
            min_resource=r, max_resource=largest, reduction_factor=eta, brackets=brackets, rung_skew=rung_skew
        ),
        draw(SEEDS),
    )


SEEDS = st.integers(0, 3)


class CheckedRule(PromotionAsha):
    """The rule beside a simple implementation of the definition, which has all records and promotions."""

    def __init__(self, settings, seed):
        super().__init__(settings, seed)
        self.records, self.continued = {}, {}

    def record(self, result):
        super().record(result)
        self.records.setdefault((result.bracket, result.resource), {}).setdefault(result.index, result.score)

    def mark_continued(self, result):
        rung = self.records[result.bracket, result.resource]
        gone = self.continued.setdefault((result.bracket, result.resource), {})
        gone.setdefault(result.index, (self.best(result.bracket, result.resource), len(rung)))
        super().mark_continued(result)

    def best(self, bracket, resource):
        """Return the trials that continue from a rung on arrival: its share of the best, and the leader unless
        it is alone at the first rung.
        """
        alone = len(self.records[bracket, resource]) == 1 and resource == self.levels(bracket)[0]
        return self.ranked(bracket, resource, max(ceil(self.share(bracket, resource) - 1 / 2), 0 if alone else 1))

    def ranked(self, bracket, resource, places):
        rung = self.records[bracket, resource]
        return sorted(rung, key=lambda each: (-rung[each], each))[:places]

    def share(self, bracket, resource):
        """Return n/eta^x. x decreases evenly from 1 + rung_skew at the first rung to 1 - rung_skew at the last
        but one.
        """
        below = self.levels(bracket)[:-1]
        exponent, rung_skew = 1.0, 0.7 if self.settings.rung_skew is None else self.settings.rung_skew
        if resource in below and len(below) > 1:
            exponent += rung_skew * (1 - 2 * below.index(resource) / (len(below) - 1))
        return len(self.records[bracket, resource]) / self.settings.reduction_factor**exponent

    def highest(self, index):
        return max(resource for (_, resource), rung in self.records.items() if index in rung)

    def candidates(self, *, idle_slot):
        """Return the candidates of algorithm 2, get_job, from the top rung down.

        Idle slots have the delayed share.
        """
        for (bracket, resource), rung in sorted(self.records.items(), key=lambda each: -each[0][1]):
            share, third = int(self.share(bracket, resource)), len(rung) // self.settings.reduction_factor
            waiting = [index for index in rung if isfinite(rung[index]) and self.waits(bracket, resource, index)]
            gone = sum(isfinite(value) for value in rung.values()) - len(waiting)
            if resource < self.settings.max_resource and (idle_slot or gone < share):
                for index in self.ranked(bracket, resource, max(share, third, 1) if idle_slot else share):
                    if index in waiting:
                        yield RungResult(bracket, resource, index, rung[index])

    def waits(self, bracket, resource, index):
        return index not in self.continued.get((bracket, resource), {}) and self.highest(index) == resource


def checked(rule):
    return CheckedRule(rule.settings, rule.seed)


@pytest.mark.parametrize("idle_slot", [False, True], ids=["no-idle-slot", "idle-slot"])
@given(rule=rules(), occasions=OCCASIONS)
def test_promotions_match_algorithm_2(rule, occasions, idle_slot):
    """The rule and the simple implementation agree on the next promotion at any time."""
    for play in Play(checked(rule)).through(occasions):
        candidates = play.stopper.candidates(idle_slot=idle_slot)
        expected = max(candidates, key=lambda each: (each.resource, each.score, -each.index), default=None)
        assert play.stopper.next_promotion(idle_slot=idle_slot) == expected


@given(rules(), OCCASIONS)
def test_a_continued_trial_was_among_the_best(rule, occasions):
    """From a rung of n records, below the last and not jumped over, only the best continue, and none alone from
    the first.
    """
    for play in Play(checked(rule)).through(occasions):
        wrong = [
            (bracket, resource, index, best, n)
            for (bracket, resource), continued in play.stopper.continued.items()
            for index, (best, n) in continued.items()
            if resource < rule.settings.max_resource
            and sum(index in rung for rung in play.stopper.records.values()) == 1
            and (index not in best or (n < 2 and resource == play.stopper.levels(bracket)[0]))
        ]
        assert wrong == []


@given(rules(), OCCASIONS)
def test_verdicts_match_the_definition(rule, occasions):
    """A finite result continues if it is among the best, at R, or beyond the rung. Other results pause."""
    play, seen = Play(checked(rule)), 0
    for _ in play.through(occasions):
        for result, outcome in play.judged[seen:]:
            last = result.resource == rule.settings.max_resource
            left = play.stopper.highest(result.index) > result.resource
            among = result.index in play.stopper.best(result.bracket, result.resource)
            finite = Decision.CONTINUE if last or left or among else Decision.PAUSE
            assert outcome is (finite if isfinite(result.score) else Decision.STOP)
        seen = len(play.judged)


@given(rules(), OCCASIONS, st.randoms(use_true_random=False))
def test_a_rebuilt_state_equals_the_live_one(rule, occasions, random):
    """The records of the Trials, read trial by trial in any order, produce the same rule."""
    play = Play(rule)
    for _ in play.through(occasions):
        pass
    order = list(play.records)
    random.shuffle(order)
    assert play.rebuilt(PromotionAsha(rule.settings, rule.seed), order) == rule


@given(rules(), st.lists(st.tuples(st.integers(0, 3), st.integers(-9, 9)), max_size=40))
def test_maximize_and_minimize_are_symmetric(rule, reports):
    """Negated values with the other direction have the same verdicts and promotions."""
    plays = []
    for sign, maximize in ((1, True), (-1, False)):
        play = Play(PromotionAsha(rule.settings, rule.seed))
        reported = [(which, score(sign * value, maximize=maximize), 1, 1) for which, value in reports]
        plays.append([(each.judged[-1], each.stopper.next_promotion()) for each in play.through(reported)])
    assert plays[0] == plays[1]
