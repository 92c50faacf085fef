"""Check patience and threshold, which evaluate each trial alone."""

from datetime import UTC, datetime, timedelta
from math import inf, isnan, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toprung.api.v1alpha1.early_stopping import AshaSettings, EarlyStopping, PatienceSettings, ThresholdSettings
from toprung.early_stopping import Decision, individual_stop, stopper_for
from toprung.metrics import Progress, Tracking, observe, progress_from_status, progress_to_status

START = datetime(2026, 1, 2, tzinfo=UTC)


def reported(values, *, maximize=True, first=1):
    """Return the progress of a trial that reports the values at steps from `first` on."""
    progress = Progress()
    for step, value in enumerate(values, first):
        time = START + timedelta(seconds=step)
        progress = observe(progress, step, {"acc": value}, time=time, tracking=Tracking("acc", maximize=maximize))
    return progress


def patience(steps, min_delta=0.0):
    return EarlyStopping(patience=PatienceSettings(steps=steps, min_delta=min_delta))


def threshold(step, value):
    return EarlyStopping(threshold=ThresholdSettings(step=step, value=value))


@pytest.mark.parametrize(
    ("rule", "values", "maximize", "message"),
    [
        pytest.param(patience(3), [], True, None, id="nothing-reported"),
        pytest.param(patience(3), [1, 1, 1], True, None, id="not-yet"),
        pytest.param(patience(3), [1, 1, 1, 1], True, "no improvement in the 3 steps before step 4", id="no-better"),
        pytest.param(patience(3), [1, 1, 1, 2], True, None, id="better-in-time"),
        pytest.param(patience(3), [1, 2, 1, 1], True, None, id="within-the-last-steps"),
        pytest.param(
            patience(2), [1, 2, 1, 1], True, "no improvement in the 2 steps before step 4", id="as-many-steps-ago"
        ),
        pytest.param(patience(2), [3, 2, 1], False, None, id="minimize-better"),
        pytest.param(patience(2), [1, 2, 3], False, "no improvement in the 2 steps before step 3", id="minimize-worse"),
        pytest.param(
            patience(2, 0.5),
            [1, 1.2, 1.5],
            True,
            "no improvement of more than 0.5 in the 2 steps before step 3",
            id="too-little",
        ),
        pytest.param(patience(2, 0.5), [1, 1.2, 1.6], True, None, id="enough"),
        pytest.param(patience(2, 0.5), [1, 1.2, 1.4, 1.8], True, None, id="enough-in-small-steps"),
        pytest.param(
            patience(2), [nan, nan, nan], True, "no improvement in the 2 steps before step 3", id="never-finite"
        ),
        pytest.param(patience(2), [nan, nan, 1], True, None, id="finite-at-last"),
        pytest.param(
            patience(2), [1, nan, nan], True, "no improvement in the 2 steps before step 3", id="nan-is-no-better"
        ),
        pytest.param(threshold(3, 0.5), [0.1, 0.1], True, None, id="before-the-step"),
        pytest.param(threshold(3, 0.5), [0.1] * 3, True, "worse than the threshold 0.5 at step 3 or later", id="below"),
        pytest.param(threshold(3, 0.5), [0.1, 0.5, 0.1], True, None, id="the-best-so-far-counts"),
        pytest.param(
            threshold(3, 0.5), [0.9] * 3, False, "worse than the threshold 0.5 at step 3 or later", id="above"
        ),
        pytest.param(threshold(3, 0.5), [0.9, 0.4, 0.9], False, None, id="minimize-good-enough"),
        pytest.param(threshold(1, 0.5), [nan], True, "worse than the threshold 0.5 at step 1 or later", id="nan"),
    ],
)
def test_verdict(rule, values, maximize, message):
    """The reports of the trial decide, and the message has the reason."""
    stop = individual_stop(rule, reported(values, maximize=maximize), maximize=maximize)
    assert (stop and stop.message) == message
    assert stop is None or stop.outcome is Decision.STOP


def test_they_combine_with_a_rule_or_stand_alone():
    """The rule is built as without them; alone they build no rule."""
    beside = EarlyStopping(asha=AshaSettings(max_resource=9), patience=PatienceSettings(steps=2))
    assert stopper_for(beside, 7) == stopper_for(EarlyStopping(asha=AshaSettings(max_resource=9)), 7)
    assert stopper_for(patience(2), 7) is None
    assert individual_stop(beside, reported([1, 1, 1]), maximize=True) is not None


@pytest.mark.parametrize(
    "early_stopping",
    [pytest.param(None, id="none"), pytest.param(EarlyStopping(asha=AshaSettings(max_resource=9)), id="asha")],
)
def test_without_them_no_trial_is_stopped_alone(early_stopping):
    """A rule does not evaluate a trial alone."""
    assert individual_stop(early_stopping, reported([nan] * 50), maximize=True) is None


VALUES = st.lists(st.sampled_from([0.0, 1.0, 2.0, 3.0, nan]), max_size=30)


@given(VALUES, st.integers(1, 8), st.sampled_from([0.0, 0.5, 1.0]), st.booleans())
def test_patience_is_the_definition(values, steps, min_delta, maximize):
    """A trial stops iff its best is not better by more than minDelta than its best `steps` before."""
    sign = 1 if maximize else -1
    scores = [-inf if isnan(value) else sign * value for value in values]
    stop = individual_stop(patience(steps, min_delta), reported(values, maximize=maximize), maximize=maximize)
    before, now = max(scores[:-steps], default=None), max(scores, default=None)
    stagnates = before is not None and (now == before or now - before <= min_delta)
    assert (stop is not None) == stagnates


@given(st.lists(st.floats(-9, 9), min_size=60, max_size=200), st.integers(1, 90))
def test_a_thinned_curve_stops_later_never_sooner(values, steps):
    """A point that is no longer in the curve counts in favor of the trial."""
    stop = individual_stop(patience(steps, 0.5), reported(values), maximize=True)
    stagnates = len(values) > steps and max(values) - max(values[:-steps]) <= 0.5
    assert stop is None or stagnates


@pytest.mark.parametrize(
    "build",
    [
        pytest.param(lambda steps: patience(steps, 0.5), id="patience"),
        pytest.param(lambda steps: threshold(steps, 1.5), id="threshold"),
    ],
)
@given(values=VALUES, steps=st.integers(1, 8))
def test_a_restart_changes_nothing(build, values, steps):
    """Progress that is read back from the Trial leads to the same verdict, and so does a second call."""
    rule, progress = build(steps), reported(values)
    again = progress_from_status(progress_to_status(progress))
    verdicts = [individual_stop(rule, each, maximize=True) for each in (progress, progress, again)]
    assert verdicts == [verdicts[0]] * 3
