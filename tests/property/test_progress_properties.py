"""A report counts once, however often its log is read and wherever the reading is broken off."""

from datetime import UTC, datetime, timedelta
from math import isfinite

from hypothesis import given
from hypothesis import strategies as st

from toprung.metrics import Progress, Report, StepCounter, observe, progress_from_status, progress_to_status, score
from toprung.metrics.types import MAX_CURVE_POINTS

START = datetime(2026, 1, 2, tzinfo=UTC)
LEVELS = (1, 3, 9, 27)
VALUES = st.dictionaries(st.sampled_from(["acc", "loss", "f1"]), st.floats(), min_size=1)
REPORTS = st.lists(st.builds(Report, st.integers(0, 60), VALUES), max_size=80)
IN_ORDER = REPORTS.map(lambda reports: sorted(reports, key=lambda report: report.step))
COUNTED = st.lists(st.builds(Report, st.none(), VALUES), max_size=80)
LOGS = st.one_of(IN_ORDER, COUNTED)


def feed(progress, log, *, maximize=True):
    """Read a log from its start, as a follower does."""
    counter = StepCounter("acc")
    for second, report in enumerate(log):
        step, time = counter.step_of(report), START + timedelta(seconds=second)
        if step is not None:
            progress = observe(
                progress,
                step,
                report.values,
                time=time,
                metric="acc",
                maximize=maximize,
                levels=LEVELS,
                others=frozenset({"loss"}),
            )
    return progress


def shown(progress):
    """What is stored of it, with the crossings: NaN is not equal to itself."""
    return progress_to_status(progress), crossed(progress.crossings)


def crossed(crossings, *, maximize=True):
    """Level -> step, best and mean, with -inf for what is not finite: NaN is not equal to itself."""
    return {
        level: (seen.step, score(seen.best, maximize=maximize), score(seen.mean, maximize=maximize))
        for level, seen in crossings.items()
    }


@given(LOGS, st.integers(0, 80))
def test_reading_again_changes_nothing(log, cut):
    """A log, or any beginning of it, may be read again: by a new connection, or a retry that repeats itself."""
    progress = feed(Progress(), log)
    assert feed(progress, log[:cut]) is progress
    assert feed(progress, log) is progress


@given(LOGS, st.integers(0, 80))
def test_a_restart_in_between_changes_nothing(log, cut):
    """An operator that dies at any line, and reads the log anew from what the Trial has, ends where the other does."""
    before = feed(Progress(), log[:cut])
    after = feed(progress_from_status(progress_to_status(before)), log)
    crossings = {**before.crossings, **after.crossings}
    at_once = feed(Progress(), log)
    assert progress_to_status(after) == progress_to_status(at_once)
    assert before.crossings.keys().isdisjoint(after.crossings)
    assert crossed(crossings) == shown(at_once)[1]


@given(REPORTS, st.integers(0, 80))
def test_the_objective_counts_once_in_any_order_of_steps(log, cut):
    """Where a program's steps go up and down, the values of the objective are still counted once."""
    progress = feed(Progress(), log)
    again = feed(progress, log[:cut])
    assert (again.latest and again.latest.step, again.curve, again.crossings.keys()) == (
        progress.latest and progress.latest.step,
        progress.curve,
        progress.crossings.keys(),
    )
    assert (again.best and again.best.value) == (progress.best and progress.best.value)


@given(LOGS, st.booleans())
def test_the_best_is_the_best_of_the_finite(log, maximize):
    """NaN and infinities are recorded, and never the best."""
    progress = feed(Progress(), log, maximize=maximize)
    counted, values = set(), []
    counter = StepCounter("acc")
    for report in log:
        step = counter.step_of(report)
        if "acc" in report.values and step not in counted:
            counted.add(step)
            values.append(report.values["acc"])
    finite = [value for value in values if isfinite(value)]
    assert (progress.best is None) == (not finite)
    assert not finite or progress.best.value == max(finite, key=lambda value: score(value, maximize=maximize))
    assert not values or repr(progress.latest.value) == repr(values[-1])


@given(LOGS)
def test_directions_mirror_each_other(log):
    """Negated values of the other direction give the same best step, and crossings with the same scores."""
    negated = [Report(report.step, {name: -value for name, value in report.values.items()}) for report in log]
    one, other = feed(Progress(), log), feed(Progress(), negated, maximize=False)
    assert (one.best and one.best.step) == (other.best and other.best.step)
    assert crossed(one.crossings) == crossed(other.crossings, maximize=False)


@given(st.lists(st.integers(1, 500), min_size=1, max_size=300))
def test_the_curve_is_bounded_and_even(strides):
    """At most 64 points: the first, the latest, and of the rest none lies closer than the power of two demands."""
    steps = [sum(strides[: place + 1]) for place in range(len(strides))]
    curve = feed(Progress(), [Report(step, {"acc": 0.5}) for step in steps]).curve
    kept = [step for step, _ in curve]
    assert len(kept) <= MAX_CURVE_POINTS
    assert (kept[0], kept[-1]) == (steps[0], steps[-1])
    width = 1
    while (steps[-1] - steps[0]) // width >= MAX_CURVE_POINTS:
        width *= 2
    assert {(step - steps[0]) // (2 * width) for step in steps} == {(step - steps[0]) // (2 * width) for step in kept}
