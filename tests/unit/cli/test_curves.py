"""The incumbent over time, and the trials at a rung."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.views import START, busy, experiment, trial
from toprung.cli.display.curves import incumbent_curve, last_step, resource_name, rung_levels_of, trials_at_rung
from toprung.cli.display.watcher import view_of

values = st.floats(-100, 100) | st.none()
curves = st.lists(values, max_size=6).map(lambda each: list(enumerate(each, start=1)))


def curve_of(view):
    points = incumbent_curve(view.trials, view.experiment.spec.primary_objective)
    return [((time - START).total_seconds(), value) for time, value in points]


@pytest.mark.parametrize(
    ("objective", "trials", "curve"),
    [
        pytest.param({"type": "maximize"}, [trial(0, curve=[(1, 0.5)])], [(1, 0.5)], id="running-counts"),
        pytest.param(
            {"type": "maximize"},
            [trial(0, curve=[(1, 0.5)]), trial(1, curve=[(1, 0.4)], begin=1), trial(2, curve=[(1, 0.6)], begin=2)],
            [(1, 0.5), (3, 0.6)],
            id="worse-values-are-omitted",
        ),
        pytest.param(
            {"type": "minimize"},
            [trial(0, curve=[(1, 0.5)]), trial(1, curve=[(1, 0.4)], begin=1)],
            [(1, 0.5), (2, 0.4)],
            id="minimize",
        ),
        pytest.param({"type": "maximize"}, [trial(0, "Failed", curve=[(1, 0.9)])], [], id="failed-never-counts"),
        pytest.param({"type": "maximize"}, [trial(0, curve=[(1, None)])], [], id="nan-never-counts"),
        pytest.param(
            {"type": "maximize", "strategy": "last"},
            [trial(0, "Succeeded", curve=[(1, 0.9), (2, 0.5)]), trial(1, curve=[(1, 0.8)])],
            [(2, 0.5)],
            id="last-counts-only-the-last-of-those-that-ended",
        ),
        pytest.param(
            {"type": "maximize", "strategy": "last"},
            [trial(0, "Succeeded", curve=[(1, 0.9)], pace=1.5, completion=1)],
            [(1.5, 0.9)],
            id="an-end-is-in-whole-seconds-and-never-before-its-report",
        ),
    ],
)
def test_the_incumbent_over_time(objective, trials, curve):
    """Times are seconds since the start."""
    assert curve_of(view_of(experiment(objective={"metric": "acc", **objective}), tuple(trials))) == curve


@given(st.lists(curves, max_size=5))
def test_maximize_and_minimize_are_symmetric(reports):
    """Negated values with the other direction have the negated curve, which only improves."""
    up = tuple(trial(i, curve=curve) for i, curve in enumerate(reports))
    mirrored = [[(step, None if value is None else -value) for step, value in curve] for curve in reports]
    down = tuple(trial(i, curve=curve, maximize=False) for i, curve in enumerate(mirrored))
    curve = curve_of(view_of(experiment(), up))
    assert curve_of(view_of(experiment(objective={"metric": "acc", "type": "minimize"}), down)) == [
        (time, -value) for time, value in curve
    ]
    assert curve == sorted(curve)
    assert [value for _, value in curve] == sorted({value for _, value in curve})


def test_a_trial_that_failed_before_a_rung_does_not_count_there():
    """A failed trial has not reached its rung."""
    view = busy()
    assert [trials_at_rung(view.trials, level) for level in rung_levels_of(view.experiment.spec)] == [3, 2, 1]


@pytest.mark.parametrize(
    ("early_stopping", "expected"),
    [
        pytest.param({"asha": {"resource": "step", "maxResource": 10}}, ((1, 3, 9, 10), 10, "step"), id="asha"),
        pytest.param({"median": {"resource": "step", "maxResource": 10}}, ((), 10, "step"), id="median"),
        pytest.param(None, ((), None, "step"), id="none"),
    ],
)
def test_the_rule_determines_rungs_and_steps(early_stopping, expected):
    """It has the rungs, the last step and the name of a step."""
    spec = view_of(experiment(earlyStopping=early_stopping), ()).experiment.spec
    assert (rung_levels_of(spec), last_step(spec), resource_name(spec)) == expected
