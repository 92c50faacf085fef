"""What holds of the promotion variant, whatever is reported and in whatever order."""

from math import ceil, isfinite

from hypothesis import given, settings
from hypothesis import strategies as st

from toprung.api.v1alpha1.early_stopping import AshaSettings
from toprung.early_stopping import Decision, RungResult
from toprung.early_stopping.asha import PromotionAsha
from toprung.early_stopping.conformance import OCCASIONS, Play
from toprung.early_stopping.rungs import rung_levels
from toprung.metrics import score


@st.composite
def rules(draw):
    """Any settings that the API lets through, with few enough rungs to climb."""
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


class Watched(PromotionAsha):
    """The rule with a naive account beside it, from the definition: who has a record, and who has gone on."""

    def __init__(self, settings, seed):
        super().__init__(settings, seed)
        self.told, self.gone = {}, {}

    def record(self, result):
        super().record(result)
        self.told.setdefault((result.bracket, result.resource), {}).setdefault(result.index, result.score)

    def mark_continued(self, result):
        rung = self.told[result.bracket, result.resource]
        gone = self.gone.setdefault((result.bracket, result.resource), {})
        gone.setdefault(result.index, (self.best(result.bracket, result.resource), len(rung)))
        super().mark_continued(result)

    def best(self, bracket, resource):
        """Who goes on from a rung as it arrives: its share of the best, and who leads, but not alone from the first."""
        alone = len(self.told[bracket, resource]) == 1 and resource == self.levels(bracket)[0]
        return self.ranked(bracket, resource, max(ceil(self.share(bracket, resource) - 1 / 2), 0 if alone else 1))

    def ranked(self, bracket, resource, places):
        rung = self.told[bracket, resource]
        return sorted(rung, key=lambda each: (-rung[each], each))[:places]

    def share(self, bracket, resource):
        """Give n/eta^x, where x goes down evenly from 1 + rung_skew at the first rung to 1 - rung_skew at the last but one."""
        below = self.levels(bracket)[:-1]
        exponent, rung_skew = 1.0, 0.7 if self.settings.rung_skew is None else self.settings.rung_skew
        if resource in below and len(below) > 1:
            exponent += rung_skew * (1 - 2 * below.index(resource) / (len(below) - 1))
        return len(self.told[bracket, resource]) / self.settings.reduction_factor**exponent

    def highest(self, index):
        return max(resource for (_, resource), rung in self.told.items() if index in rung)

    def candidates(self, *, idle_slot):
        """Algorithm 2, get_job, rung by rung from the top, of each its share; but for idle slots with the delay."""
        for (bracket, resource), rung in sorted(self.told.items(), key=lambda each: -each[0][1]):
            share, third = int(self.share(bracket, resource)), len(rung) // self.settings.reduction_factor
            waiting = [index for index in rung if isfinite(rung[index]) and self.waits(bracket, resource, index)]
            gone = sum(isfinite(value) for value in rung.values()) - len(waiting)
            if resource < self.settings.max_resource and (idle_slot or gone < share):
                for index in self.ranked(bracket, resource, max(share, third, 1) if idle_slot else share):
                    if index in waiting:
                        yield RungResult(bracket, resource, index, rung[index])

    def waits(self, bracket, resource, index):
        return index not in self.gone.get((bracket, resource), {}) and self.highest(index) == resource


def watched(rule):
    return Watched(rule.settings, rule.seed)


@settings(deadline=None)
@given(rules(), OCCASIONS)
def test_the_promotion_is_algorithm_2s(rule, occasions):
    """Fast and naive account agree on who is promoted next, at any time."""
    for play in Play(watched(rule)).through(occasions):
        for idle_slot in (False, True):
            candidates = list(play.stopper.candidates(idle_slot=idle_slot))
            expected = max(candidates, key=lambda each: (each.resource, each.score, -each.index), default=None)
            assert play.stopper.next_promotion(idle_slot=idle_slot) == expected


@settings(deadline=None)
@given(rules(), OCCASIONS)
def test_who_goes_on_was_among_the_best_when_it_did(rule, occasions):
    """From a rung of n records, below the last and not jumped over, only the best go on, and none alone from the first."""
    for play in Play(watched(rule)).through(occasions):
        last = rule.settings.max_resource
        for (bracket, resource), gone in play.stopper.gone.items():
            for index, (best, n) in gone.items():
                jumped = sum(index in rung for rung in play.stopper.told.values()) > 1
                if resource < last and not jumped:
                    assert index in best
                    assert n >= 2 or resource > play.stopper.levels(bracket)[0]


@settings(deadline=None)
@given(rules(), OCCASIONS)
def test_a_verdict_is_the_definition(rule, occasions):
    """A finite result goes on iff it is among the best, at R, or left the rung behind; else it pauses."""
    play, seen = Play(watched(rule)), 0
    for _ in play.through(occasions):
        for result, outcome in play.judged[seen:]:
            last = result.resource == rule.settings.max_resource
            left = play.stopper.highest(result.index) > result.resource
            among = result.index in play.stopper.best(result.bracket, result.resource)
            if not isfinite(result.score):
                assert outcome is Decision.STOP
            else:
                assert outcome is (Decision.CONTINUE if last or left or among else Decision.PAUSE)
        seen = len(play.judged)


@settings(deadline=None)
@given(rules(), OCCASIONS, st.randoms(use_true_random=False))
def test_a_rebuilt_state_equals_the_live_one(rule, occasions, random):
    """The records of the Trials, read trial by trial in any order, give the same rule."""
    play = Play(rule)
    for _ in play.through(occasions):
        pass
    order = list(play.records)
    random.shuffle(order)
    assert play.rebuilt(PromotionAsha(rule.settings, rule.seed), order) == rule


@settings(deadline=None)
@given(rules(), st.lists(st.tuples(st.integers(0, 3), st.integers(-9, 9)), max_size=40))
def test_the_direction_makes_no_difference(rule, reports):
    """A metric, and its negation with the other direction, get the same verdicts and the same promotions."""
    plays = []
    for sign, maximize in ((1, True), (-1, False)):
        play = Play(PromotionAsha(rule.settings, rule.seed))
        told = [(which, score(sign * value, maximize=maximize), 1, 1) for which, value in reports]
        plays.append([(each.judged[-1], each.stopper.next_promotion()) for each in play.through(told)])
    assert plays[0] == plays[1]
