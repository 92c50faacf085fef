"""Properties of ASHA, for any results in any order."""

from math import ceil, inf, isfinite, nan

from hypothesis import given
from hypothesis import strategies as st

from toprung.api.v1alpha1.early_stopping import AshaSettings
from toprung.early_stopping import Decision, RungResult
from toprung.early_stopping.asha import StoppingAsha
from toprung.early_stopping.rungs import rung_levels
from toprung.metrics import score


@st.composite
def _settings(draw):
    """Draw settings that the API accepts."""
    r, eta = draw(st.integers(1, 5)), draw(st.integers(2, 5))
    largest = r * draw(st.integers(1, 100)) + draw(st.integers(0, 7))
    brackets = draw(st.integers(1, len(rung_levels(r, largest, eta, 0))))
    return AshaSettings(
        min_resource=r, max_resource=largest, reduction_factor=eta, brackets=brackets, rung_skew=draw(TILTS)
    )


TILTS = st.sampled_from([None, 0, 1 / 3, 1])
SETTINGS = _settings()
VALUES = st.one_of(st.sampled_from([0.0, 0.5, nan, inf, -inf]), st.floats())


@st.composite
def histories(draw):
    """Draw settings, and (trial index, value) of results at rungs of the trial's bracket."""
    asha = StoppingAsha(draw(SETTINGS), draw(st.integers(0, 5)))
    results = []
    for index, place, value in draw(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 9), VALUES), max_size=40)):
        levels = asha.levels(asha.bracket(index))
        results.append((asha.bracket(index), levels[place % len(levels)], index, value))
    return asha.settings, asha.seed, results


def play(settings, seed, results, *, maximize=True):
    """Record and judge each result in turn, and return the rule and the verdicts."""
    asha, verdicts = StoppingAsha(settings, seed), []
    for bracket, resource, index, value in results:
        result = RungResult(bracket, resource, index, score(value, maximize=maximize))
        asha.record(result)
        verdicts.append(asha.decide(result))
    return asha, verdicts


@given(histories())
def test_a_repeated_decision_is_the_same(history):
    """Neither a decision nor a repeated record changes the state."""
    asha, _ = play(*history)
    results = [RungResult(*result) for result in history[2]]
    first = [asha.decide(result) for result in results]
    for result in results:
        asha.record(result)
    assert [asha.decide(result) for result in results] == first


@given(histories())
def test_maximize_and_minimize_are_symmetric(history):
    """Negated values with the other direction have the same verdicts."""
    settings, seed, results = history
    negated = [(bracket, resource, index, -value) for bracket, resource, index, value in results]
    assert play(settings, seed, results)[1] == play(settings, seed, negated, maximize=False)[1]


@given(histories())
def test_non_finite_values_stop_at_a_rung_with_a_finite_one(history):
    """NaN and infinities never continue at a rung that has a finite value."""
    asha, _ = play(*history)
    recorded = {}
    for bracket, resource, index, value in history[2]:
        recorded.setdefault((bracket, resource), {}).setdefault(index, value)
    decisions = [
        asha.decide(RungResult(*rung, index, value)).outcome
        for rung, values in recorded.items()
        if any(isfinite(value) for value in values.values())
        for index, value in values.items()
        if not isfinite(value)
    ]
    assert decisions == [Decision.STOP] * len(decisions)


@given(histories())
def test_verdicts_match_the_definition(history):
    """A finite result continues if it is among the best max(1, round(n/eta^x)), or at R. x starts at 1 +
    rung_skew.
    """
    settings, seed, results = history
    _, verdicts = play(settings, seed, results)
    rungs, wrong = {}, []
    for (bracket, resource, index, value), verdict in zip(results, verdicts, strict=True):
        rung = rungs.setdefault((bracket, resource), {})
        continues = verdict.outcome is Decision.CONTINUE
        if isfinite(rung.setdefault(index, value if isfinite(value) else -inf)):
            best = sorted(rung, key=lambda each: (-rung[each], each))
            places = _places(settings, seed, bracket, resource, rung)
            expected = index in best[:places] or resource == settings.max_resource
        else:  # at the first rung the decision for non-finite values depends on the other values
            expected = continues and resource == StoppingAsha(settings, seed).levels(bracket)[0]
        if continues != expected:
            wrong.append((bracket, resource, index, value, verdict))
    assert wrong == []


def _places(settings, seed, bracket, resource, rung):
    below = StoppingAsha(settings, seed).levels(bracket)[:-1]
    exponent, rung_skew = 1.0, 0.5 if settings.rung_skew is None else settings.rung_skew
    if resource in below and len(below) > 1:
        exponent += rung_skew * (1 - 2 * below.index(resource) / (len(below) - 1))
    return max(1, ceil(len(rung) / settings.reduction_factor**exponent - 1 / 2))


@given(histories(), st.integers(0, 40))
def test_a_verdict_depends_only_on_earlier_records(history, cut):
    """Later results do not change an earlier verdict."""
    settings, seed, results = history
    assert play(settings, seed, results)[1][:cut] == play(settings, seed, results[:cut])[1]


@given(histories(), st.randoms(use_true_random=False))
def test_a_rebuilt_state_equals_the_live_one(history, random):
    """The records of the Trials, read in any order, produce the same rule and the same next verdicts."""
    live, _ = play(*history)
    kept = {}
    for bracket, resource, index, value in history[2]:
        kept.setdefault((bracket, resource, index), value)
    rebuilt, items = StoppingAsha(*history[:2]), list(kept.items())
    random.shuffle(items)
    for (bracket, resource, index), value in items:
        rebuilt.record(RungResult(bracket, resource, index, value))
    assert rebuilt == live
    results = [RungResult(*result) for result in history[2]]
    assert [rebuilt.decide(result) for result in results] == [live.decide(result) for result in results]


@given(SETTINGS, st.integers(0, 6))
def test_levels_ascend_to_R(settings, bracket):  # noqa: N802 - the paper's name
    """Levels increase by the reduction factor. The last level is R."""
    r, eta, largest = settings.min_resource, settings.reduction_factor, settings.max_resource
    levels = rung_levels(r, largest, eta, bracket)
    assert levels[-1] == largest
    assert list(levels) == sorted(set(levels))
    assert list(levels[:-1]) == [r * eta ** (bracket + k) for k in range(len(levels) - 1)]
    assert levels[-1] <= r * eta ** (bracket + len(levels) - 1) or len(levels) == 1


@given(SETTINGS, st.integers(0, 100), st.integers(0, 10_000))
def test_the_bracket_of_a_trial_determines_its_levels(settings, seed, index):
    """The bracket is one of those configured, the same at each call, and starts at r*eta^s if that is below R."""
    asha = StoppingAsha(settings, seed)
    bracket = asha.bracket(index)
    assert bracket == StoppingAsha(settings, seed).bracket(index)
    assert 0 <= bracket < settings.brackets
    first = settings.min_resource * settings.reduction_factor**bracket
    assert asha.levels(bracket)[0] == min(first, settings.max_resource)
