"""What holds of ASHA whatever arrives, and in whatever order."""

from itertools import pairwise
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
    """Any settings that the API lets through."""
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
    """Settings, and (trial index, value) of results at rungs of the trial's own bracket."""
    asha = StoppingAsha(draw(SETTINGS), draw(st.integers(0, 5)))
    results = []
    for index, place, value in draw(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 9), VALUES), max_size=40)):
        levels = asha.levels(asha.bracket(index))
        results.append((asha.bracket(index), levels[place % len(levels)], index, value))
    return asha.settings, asha.seed, results


def play(settings, seed, results, *, maximize=True):
    """Record and judge each in turn; gives the rule and the verdicts."""
    asha, verdicts = StoppingAsha(settings, seed), []
    for bracket, resource, index, value in results:
        result = RungResult(bracket, resource, index, score(value, maximize=maximize))
        asha.record(result)
        verdicts.append(asha.decide(result))
    return asha, verdicts


@given(histories())
def test_asked_twice_the_same_answer(history):
    """Asking changes nothing, nor does recording again."""
    asha, _ = play(*history)
    results = [RungResult(*result) for result in history[2]]
    first = [asha.decide(result) for result in results]
    for result in results:
        asha.record(result)
    assert [asha.decide(result) for result in results] == first


@given(histories())
def test_the_direction_makes_no_difference(history):
    """Negated values of the other direction get the same verdicts."""
    settings, seed, results = history
    negated = [(bracket, resource, index, -value) for bracket, resource, index, value in results]
    assert play(settings, seed, results)[1] == play(settings, seed, negated, maximize=False)[1]


@given(histories())
def test_nan_never_survives_a_rung_that_has_a_finite_rival(history):
    """Nor an infinity, at any rung, asked at any time."""
    asha, _ = play(*history)
    recorded = {}
    for bracket, resource, index, value in history[2]:
        recorded.setdefault((bracket, resource), {}).setdefault(index, value)
    for (bracket, resource), values in recorded.items():
        if any(isfinite(value) for value in values.values()):
            for index, value in values.items():
                if not isfinite(value):
                    assert asha.decide(RungResult(bracket, resource, index, value)).outcome is Decision.STOP


@given(histories())
def test_a_verdict_is_the_definition(history):
    """A finite result goes on iff it is among the best max(1, round(n/eta^x)), or at R; x leans from 1 + rung_skew."""
    settings, seed, results = history
    _, verdicts = play(settings, seed, results)
    rungs = {}
    for (bracket, resource, index, value), verdict in zip(results, verdicts, strict=True):
        rung = rungs.setdefault((bracket, resource), {})
        if isfinite(rung.setdefault(index, value if isfinite(value) else -inf)):
            best = sorted(rung, key=lambda each: (-rung[each], each))[
                : _places(settings, seed, bracket, resource, rung)
            ]
            assert (verdict.outcome is Decision.CONTINUE) == (index in best or resource == settings.max_resource)
        elif resource != StoppingAsha(settings, seed).levels(bracket)[0]:
            assert verdict.outcome is Decision.STOP


def _places(settings, seed, bracket, resource, rung):
    below = StoppingAsha(settings, seed).levels(bracket)[:-1]
    exponent, rung_skew = 1.0, 0.5 if settings.rung_skew is None else settings.rung_skew
    if resource in below and len(below) > 1:
        exponent += rung_skew * (1 - 2 * below.index(resource) / (len(below) - 1))
    return max(1, ceil(len(rung) / settings.reduction_factor**exponent - 1 / 2))


@given(histories(), st.integers(0, 40))
def test_a_verdict_depends_only_on_what_was_recorded_before(history, cut):
    """What arrives later does not change what was said, so a verdict that is kept stays true of its time."""
    settings, seed, results = history
    assert play(settings, seed, results)[1][:cut] == play(settings, seed, results[:cut])[1]


@given(histories(), st.randoms(use_true_random=False))
def test_a_rebuilt_state_equals_the_live_one(history, random):
    """The records of the Trials, read in any order, give the same rule and the same next verdicts."""
    live, _ = play(*history)
    kept = {}
    for bracket, resource, index, value in history[2]:
        kept.setdefault((bracket, resource, index), value)
    rebuilt, items = StoppingAsha(*history[:2]), list(kept.items())
    random.shuffle(items)
    for (bracket, resource, index), value in items:
        rebuilt.record(RungResult(bracket, resource, index, value))
    assert rebuilt == live
    for bracket, resource, index, value in history[2]:
        result = RungResult(bracket, resource, index, value)
        assert rebuilt.decide(result) == live.decide(result)


@given(SETTINGS, st.integers(0, 6))
def test_levels_ascend_to_R(settings, bracket):  # noqa: N802 - the paper's name
    """Levels ascend strictly by the reduction factor, but for the last, which is R."""
    r, eta, largest = settings.min_resource, settings.reduction_factor, settings.max_resource
    levels = rung_levels(r, largest, eta, bracket)
    assert levels[-1] == largest
    assert all(low < high for low, high in pairwise(levels))
    assert all(level == r * eta ** (bracket + k) for k, level in enumerate(levels[:-1]))
    assert levels[-1] <= r * eta ** (bracket + len(levels) - 1) or len(levels) == 1


@given(SETTINGS, st.integers(0, 100), st.integers(0, 10_000))
def test_every_trial_has_a_bracket_of_its_own_levels(settings, seed, index):
    """A bracket is one of those asked for, the same at every call, and starts at r*eta^s where that is below R."""
    asha = StoppingAsha(settings, seed)
    bracket = asha.bracket(index)
    assert bracket == StoppingAsha(settings, seed).bracket(index)
    assert 0 <= bracket < settings.brackets
    first = settings.min_resource * settings.reduction_factor**bracket
    assert asha.levels(bracket)[0] == min(first, settings.max_resource)
