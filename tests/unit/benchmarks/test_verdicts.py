"""A verdict says met, missed, or missed with the limit in the interval; made-up times stand for runs."""

import pytest
from contestants import RECORDED
from goals import models_judged, rules_judged
from runs import NEARER, Setting

SETTING = Setting("digits", 4, "cheap")


def runs(**times):
    """Runs that reach both targets at these times, seed by seed."""
    at = RECORDED["digits"]().best - NEARER / 2
    return {name.replace("_", " "): [((time, at),) for time in each] for name, each in times.items()}


@pytest.mark.parametrize(
    ("tpe", "verdict"),
    [
        ([0.7] * 4, "met"),
        ([0.72] * 4, "MISSED"),
        ([0.4, 1.4, 0.4, 1.4], "MISSED (0.7 is in the interval)"),
    ],
)
def test_a_model_is_held_against_random_search(tpe, verdict):
    """What rounds to the limit is within it."""
    [line] = models_judged(SETTING, runs(tpe=tpe, random=[1.0] * 4))
    assert line[-1] == verdict
    assert line[1] == "tpe <= 0.7 x random"


@pytest.mark.parametrize(
    ("syne_tune", "promotion", "verdicts"),
    [
        (1.0, [0.8] * 4, ["met", "met", "met", "met"]),
        (0.7, [0.8] * 4, ["met", "MISSED", "MISSED", "met"]),
        (1.0, [0.8] * 3 + [float("inf")], ["met", "met", "met", "MISSED"]),
    ],
)
def test_rules_are_held_against_each_peer(syne_tune, promotion, verdicts):
    """Not against Ray's alone; and a seed that does not reach the target is no seed that was left out."""
    contest = runs(
        ray_asha=[1.0] * 4,
        toprung_asha_stopping=[1.0] * 4,
        toprung_asha_promotion=promotion,
    ) | {"syne-tune asha": runs(one=[syne_tune] * 4)["one"], "optuna halving": runs(one=[1.0] * 4)["one"]}
    assert [line[-1] for line in rules_judged(SETTING, contest)] == verdicts


def test_a_peer_that_is_surely_better_is_not_hidden_by_one_that_is_perhaps():
    """The one is worth more in the mean, but with a wide interval."""
    contest = runs(
        ray_asha=[1.0] * 4,
        toprung_asha_stopping=[1.0] * 4,
        toprung_asha_promotion=[0.7, 0.72, 0.7, 0.72],
    ) | {
        "syne-tune asha": runs(one=[0.3, 1.4, 0.4, 1.2])["one"],
        "optuna halving": runs(one=[0.69, 0.71, 0.69, 0.71])["one"],
    }
    line = rules_judged(SETTING, contest)[1]
    assert line[1:] == ["promotion no worse than any peer", "1.01 (1.01-1.01)", "1.01 (1.01-1.01)", "MISSED"]


def test_rules_of_one_name_are_held_against_each_other():
    contest = runs(
        toprung_asha_stopping=[1.0] * 4,
        toprung_asha_promotion=[0.8] * 4,
        toprung_median=[1.1] * 4,
        ray_median=[1.0] * 4,
    ) | {"ray asha": runs(one=[1.0] * 4)["one"]}
    assert rules_judged(SETTING, contest)[-1][1:] == [
        "median no worse than ray median",
        *["1.10 (1.10-1.10)"] * 2,
        "MISSED",
    ]


def test_a_figure_that_too_few_seeds_reach_is_missed():
    """A ratio of one pair of seeds says nothing."""
    contest = runs(
        ray_asha=[1.0] + [float("inf")] * 3, toprung_asha_stopping=[0.5] * 4, toprung_asha_promotion=[0.5] * 4
    )
    assert [line[-1] for line in rules_judged(SETTING, contest)] == ["MISSED (too few seeds reach it)"] * 3 + ["met"]
