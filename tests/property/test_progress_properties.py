"""A report counts once, for any number of reads and interruptions of its log."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from math import isfinite

from hypothesis import example, given
from hypothesis import strategies as st

from toprung.metrics import (
    Position,
    Progress,
    Report,
    Tracking,
    count,
    progress_from_status,
    progress_to_status,
    score,
    start_attempt,
)
from toprung.metrics.types import MAX_CURVE_POINTS, Ignored

START = datetime(2026, 1, 2, tzinfo=UTC)
LEVELS = (1, 3, 9, 27, 100_000)
VALUES = st.dictionaries(st.sampled_from(["acc", "loss", "f1"]), st.floats(), min_size=1)
FRACTIONS = st.integers(0, 120).map(lambda number: number / 2)
STEPS = st.one_of(
    st.fixed_dictionaries({"step": FRACTIONS}),
    st.fixed_dictionaries({"epoch": FRACTIONS, "step": FRACTIONS}),
    st.fixed_dictionaries({"epoch": FRACTIONS}),
    st.just({}),
)
BAD = st.dictionaries(st.sampled_from(["acc", "loss"]), st.just("0,5"), max_size=1)
ANY_ORDER = st.lists(st.builds(Report, VALUES, STEPS, BAD), max_size=60)
IN_ORDER = st.lists(st.builds(Report, VALUES, st.fixed_dictionaries({"step": st.integers(0, 60)})), max_size=80).map(
    lambda reports: sorted(reports, key=lambda report: report.steps["step"])
)
COUNTED = st.lists(st.builds(Report, VALUES), max_size=80)
LOGS = st.one_of(IN_ORDER, COUNTED, ANY_ORDER)


def feed(progress, log, *, maximize=True, attempt=1, first=0):
    """Read a log from its start, as a follower does. Two reports share each time."""
    progress = start_attempt(progress, attempt)
    tracking = Tracking("acc", maximize=maximize, levels=LEVELS, others=frozenset({"loss"}))
    for number, report in enumerate(log):
        time = START + timedelta(seconds=first + number // 2)
        progress = count(progress, report, time=time, position=Position(time, number % 2), tracking=tracking)
    return progress


def shown(progress):
    """Return the stored progress with the crossings, in a form in which NaN equals NaN."""
    return progress_to_status(progress), crossed(progress.crossings)


def crossed(crossings, *, maximize=True):
    """Return level -> (step, best, mean), with -inf for non-finite values, because NaN is not equal to itself."""
    return {
        level: (seen.step, score(seen.best, maximize=maximize), score(seen.mean, maximize=maximize))
        for level, seen in crossings.items()
    }


@given(LOGS, st.integers(0, 80))
def test_reading_again_changes_nothing(log, cut):
    """A log, or any beginning of it, can be read again, by a new connection or after a retry that repeats it."""
    progress = feed(Progress(), log)
    assert feed(progress, log[:cut]) is progress
    assert feed(progress, log) is progress


@example([Report({"acc": 1.0}), Report({"loss": 2.0})], 1)
@example([Report({"loss": 2.0}), Report({"acc": 1.0})], 1)
@example([Report({"acc": 1.0}, {"step": 2}), Report({"acc": 0.5}, {"step": 2})], 1)
@example([Report({"acc": 1.0}, {"step": 1}), Report({"acc": 2.0}, {"step": 2}), Report({"acc": 0.5}, {"step": 2})], 2)
@example([Report({"acc": 1.0}, {"step": 2}), Report({"acc": 1.0}, {"step": 1}), Report({"acc": 3.0}, {"step": 2})], 2)
@given(LOGS, st.integers(0, 80))
def test_a_restart_in_between_changes_nothing(log, cut):
    """An operator that restarts at any line, and reads the log again with the progress of the Trial, has the
    same progress.
    """
    before = feed(Progress(), log[:cut])
    after = feed(progress_from_status(progress_to_status(before)), log)
    crossings = {**before.crossings, **after.crossings}
    at_once = feed(Progress(), log)
    assert progress_to_status(after) == progress_to_status(at_once)
    assert before.crossings.keys().isdisjoint(after.crossings) or Ignored.NO_STEP in after.ignored
    assert crossed(crossings) == shown(at_once)[1]


@given(LOGS, LOGS, st.integers(0, 80))
def test_repeated_steps_of_a_resumed_attempt_do_not_count(log, more, cut):
    """Steps count once they are beyond the earlier ones, also after a restart of the operator."""
    before = feed(Progress(), log)
    at_once = feed(before, more, attempt=2, first=1000)
    restarted = progress_from_status(progress_to_status(feed(before, more[:cut], attempt=2, first=1000)))
    assert progress_to_status(feed(restarted, more, attempt=2, first=1000)) == progress_to_status(at_once)
    assert before.latest is None or at_once.latest.step >= before.latest.step


@given(LOGS)
def test_every_report_of_the_objective_counts(log):
    """The latest value is the last one with a step, if any has a step. Steps never decrease."""
    progress = feed(Progress(), log)
    reports = [report for report in log if "acc" in report.values]
    stepped = [report for report in reports if report.steps]
    counted = stepped or reports
    steps = [step for step, _ in progress.curve]
    assert not counted or repr(progress.latest.value) == repr(counted[-1].values["acc"])
    assert steps == sorted(set(steps))
    noted = {reason: each.count for reason, each in progress.ignored.items()}
    assert noted.get(Ignored.NOT_A_NUMBER, 0) == sum(bool(report.rejected) for report in log)
    assert noted.get(Ignored.NO_STEP, 0) == len(reports) - len(counted)


@given(IN_ORDER, st.booleans())
def test_the_best_value_is_finite(log, maximize):
    """NaN and infinities are recorded, and never the best. The last value of each step counts."""
    progress = feed(Progress(), log, maximize=maximize)
    by_step = {report.steps["step"]: report.values["acc"] for report in log if "acc" in report.values}
    finite = [value for value in by_step.values() if isfinite(value)]
    assert (progress.best is None) == (not finite)
    assert not finite or progress.best.value == max(finite, key=lambda value: score(value, maximize=maximize))


@given(LOGS)
def test_maximize_and_minimize_are_symmetric(log):
    """Negated values with the other direction have the same best step, and crossings with the same scores."""
    negated = [replace(report, values={name: -value for name, value in report.values.items()}) for report in log]
    one, other = feed(Progress(), log), feed(Progress(), negated, maximize=False)
    assert (one.best and one.best.step) == (other.best and other.best.step)
    assert crossed(one.crossings) == crossed(other.crossings, maximize=False)


@given(st.lists(st.integers(1, 500), min_size=1, max_size=300))
def test_the_curve_is_bounded_and_even(strides):
    """It has at most 64 points: the first, the latest, and one of each interval with reports."""
    steps = [sum(strides[: place + 1]) for place in range(len(strides))]
    curve = feed(Progress(), [Report({"acc": 0.5}, {"step": step}) for step in steps]).curve
    kept = [step for step, _ in curve]
    assert len(kept) <= MAX_CURVE_POINTS
    assert (kept[0], kept[-1]) == (steps[0], steps[-1])
    width = 1
    while (steps[-1] - steps[0]) > width * (MAX_CURVE_POINTS - 1):
        width *= 2
    assert {(step - steps[0]) // (2 * width) for step in steps} == {(step - steps[0]) // (2 * width) for step in kept}
