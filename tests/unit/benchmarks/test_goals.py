"""A goal is met, missed, or missed with the limit in the interval; constructed times stand for runs."""

import pytest
from contestants import RECORDED
from goals import early_stopping_goals, sampler_goals
from runs import NEARER, Setting

SETTING = Setting("digits", 4, "cheap")


def runs(**times):
    """Return runs that reach both targets at these times, seed by seed."""
    at = RECORDED["digits"]().best - NEARER / 2
    return {name.replace("_", " "): [((time, at),) for time in each] for name, each in times.items()}


@pytest.mark.parametrize(
    ("tpe", "verdict"),
    [
        pytest.param([0.7] * 4, "met", id="at the limit"),
        pytest.param([0.72] * 4, "missed", id="above the limit"),
        pytest.param([0.4, 1.4, 0.4, 1.4], "missed (0.7 is in the interval)", id="wide interval"),
    ],
)
def test_sampler_is_compared_with_random_search(tpe, verdict):
    """The rounded ratio counts."""
    [goal] = sampler_goals(SETTING, runs(tpe=tpe, random=[1.0] * 4))
    assert (goal.figure, goal.limit, goal.verdict) == ("tpe <= 0.7 x random", "<= 0.7", verdict)
    assert goal.met == (verdict == "met")


@pytest.mark.parametrize(
    ("syne_tune", "promotion", "verdicts"),
    [
        pytest.param(1.0, [0.8] * 4, ["met", "met", "met", "met"], id="faster than every peer"),
        pytest.param(0.7, [0.8] * 4, ["met", "missed", "missed", "met"], id="slower than another peer"),
        pytest.param(1.0, [0.8] * 3 + [float("inf")], ["met", "met", "met", "missed"], id="one seed fails"),
    ],
)
def test_rules_are_compared_with_each_peer(syne_tune, promotion, verdicts):
    """All peers count, and a seed that does not reach the target is not left out."""
    contest = runs(
        ray_asha=[1.0] * 4,
        toprung_asha_stopping=[1.0] * 4,
        toprung_asha_promotion=promotion,
    ) | {"syne-tune asha": runs(one=[syne_tune] * 4)["one"], "optuna halving": runs(one=[1.0] * 4)["one"]}
    assert [goal.verdict for goal in early_stopping_goals(SETTING, contest)] == verdicts


def test_peer_with_narrow_interval_counts_before_peer_with_wide_interval():
    """The peer that is most surely better is shown, not the one with the better mean."""
    contest = runs(
        ray_asha=[1.0] * 4,
        toprung_asha_stopping=[1.0] * 4,
        toprung_asha_promotion=[0.7, 0.72, 0.7, 0.72],
    ) | {
        "syne-tune asha": runs(one=[0.3, 1.4, 0.4, 1.2])["one"],
        "optuna halving": runs(one=[0.69, 0.71, 0.69, 0.71])["one"],
    }
    goal = early_stopping_goals(SETTING, contest)[1]
    assert (goal.figure, goal.verdict) == ("promotion no worse than any peer", "missed")
    assert goal.measured == ("1.01 (1.01-1.01)", "1.01 (1.01-1.01)")


def test_rule_is_compared_with_the_same_rule_of_a_peer():
    """Median stopping is compared with Ray Tune's median stopping."""
    contest = runs(
        toprung_asha_stopping=[1.0] * 4,
        toprung_asha_promotion=[0.8] * 4,
        toprung_median=[1.1] * 4,
        ray_median=[1.0] * 4,
    ) | {"ray asha": runs(one=[1.0] * 4)["one"]}
    goal = early_stopping_goals(SETTING, contest)[-1]
    assert (goal.figure, goal.verdict) == ("median no worse than ray median", "missed")
    assert goal.measured == ("1.10 (1.10-1.10)", "1.10 (1.10-1.10)")


def test_goal_that_too_few_seeds_reach_is_missed():
    """A ratio of one pair of seeds has no interval."""
    contest = runs(
        ray_asha=[1.0] + [float("inf")] * 3, toprung_asha_stopping=[0.5] * 4, toprung_asha_promotion=[0.5] * 4
    )
    verdicts = [goal.verdict for goal in early_stopping_goals(SETTING, contest)]
    assert verdicts == ["missed (too few seeds reach it)"] * 3 + ["met"]
