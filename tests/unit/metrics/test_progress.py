"""Accumulation of reports into progress, one step at a time."""

from datetime import UTC, datetime, timedelta
from math import inf, nan

import pytest

from toprung.metrics.progress import join, observe, score
from toprung.metrics.types import MAX_CURVE_POINTS, Progress, Tracking

START = datetime(2026, 1, 2, tzinfo=UTC)


def fed(*reports, maximize=True, levels=(), progress=None, others=frozenset()):
    """Observe (step, values) pairs in turn, a second apart."""
    progress = progress or Progress()
    tracking = Tracking("acc", maximize=maximize, levels=levels, others=others)
    for second, (step, values) in enumerate(reports):
        time = START + timedelta(seconds=second)
        if "acc" not in values:
            progress = join(progress, step, values, others=others)
            continue
        progress = observe(progress, step, values, time=time, tracking=tracking)
    return progress


def acc(step, value):
    return step, {"acc": value}


@pytest.mark.parametrize(
    ("value", "maximize", "expected"),
    [
        pytest.param(0.5, True, 0.5, id="maximize"),
        pytest.param(0.5, False, -0.5, id="minimize"),
        *[
            pytest.param(value, maximize, -inf, id=f"{value}-{maximize}")
            for value in (nan, inf, -inf)
            for maximize in (True, False)
        ],
    ],
)
def test_a_larger_score_is_better(value, maximize, expected):
    """Non-finite values have the lowest score, in both directions."""
    assert score(value, maximize=maximize) == expected


@pytest.mark.parametrize(
    ("maximize", "values", "best_step"),
    [
        pytest.param(True, [0.1, 0.3, 0.2], 2, id="largest"),
        pytest.param(False, [0.3, 0.1, 0.2], 2, id="smallest"),
        pytest.param(True, [0.3, 0.3], 1, id="first-of-equals"),
        pytest.param(True, [nan, inf, 0.1], 3, id="never-what-is-not-finite"),
        pytest.param(False, [-inf, 0.1, nan], 2, id="never-what-is-not-finite-minimizing"),
        pytest.param(True, [nan], None, id="none-finite"),
    ],
)
def test_the_best_value_is_the_first_of_the_best_finite_values(maximize, values, best_step):
    """The direction decides."""
    progress = fed(*(acc(step, value) for step, value in enumerate(values, 1)), maximize=maximize)
    assert (progress.best and progress.best.step) == best_step
    assert progress.latest.step == len(values)


@pytest.mark.parametrize(
    ("steps", "crossed"),
    [
        pytest.param([1, 2, 3], {1: 1, 3: 3}, id="each-in-turn"),
        pytest.param([10], {1: 10, 3: 10, 9: 10}, id="jumped-over"),
        pytest.param([2, 5], {1: 2, 3: 5}, id="between"),
        pytest.param([0], {}, id="before-the-first"),
        pytest.param([5, 5], {1: 5, 3: 5}, id="the-first-report-of-a-step"),
    ],
)
def test_the_first_report_at_or_beyond_a_level_crosses_it(steps, crossed):
    """Later reports do not."""
    progress = fed(*(acc(step, step / 10) for step in steps), levels=(1, 3, 9, 27))
    assert {level: observation.step for level, observation in progress.crossings.items()} == crossed


@pytest.mark.parametrize(
    ("maximize", "values", "best", "mean"),
    [
        pytest.param(True, [0.2, 0.6, 0.4], 0.6, 0.4, id="maximize"),
        pytest.param(False, [0.2, 0.6, 0.4], 0.2, 0.4, id="minimize"),
        pytest.param(True, [0.2, nan, 0.4], 0.4, 0.3, id="nan-is-ignored"),
        pytest.param(True, [nan, inf, nan], nan, nan, id="no-finite-value"),
        pytest.param(True, [1e308, 1e308, 1e308], 1e308, 1e308, id="no-overflow"),
    ],
)
def test_a_crossing_has_the_best_and_the_mean_up_to_there(maximize, values, best, mean):
    """Neither later nor repeated reports change them."""
    reports = [acc(step, value) for step, value in enumerate(values, 1)]
    progress = fed(*reports, acc(4, 9.0), *reports, maximize=maximize, levels=(3, 9))
    crossing = progress.crossings[3]
    assert (crossing.step, crossing.best, crossing.mean) == pytest.approx((3, best, mean), nan_ok=True)


@pytest.mark.parametrize(
    ("reports", "metrics"),
    [
        pytest.param([(1, {"acc": 1, "loss": 2})], {"loss": 2}, id="same-line"),
        pytest.param([(1, {"acc": 1}), (1, {"loss": 2})], {"loss": 2}, id="line-after"),
        pytest.param([(1, {"loss": 2}), (1, {"acc": 1})], {"loss": 2}, id="line-before"),
        pytest.param([(1, {"loss": 2}), (1, {"f1": 3}), (1, {"acc": 1})], {"loss": 2, "f1": 3}, id="lines-before"),
        pytest.param([(1, {"loss": 2}), (1, {"acc": 1, "loss": 9})], {"loss": 9}, id="its-own-line-before-others"),
        pytest.param([(1, {"acc": 1}), (1, {"loss": 2}), (1, {"f1": 3})], {"loss": 2, "f1": 3}, id="lines-after"),
        pytest.param([(1, {"loss": 2}), (1, {"acc": 1}), (1, {"f1": 3})], {"loss": 2, "f1": 3}, id="before-and-after"),
        pytest.param([(None, {"loss": 2}), (1, {"acc": 1})], {"loss": 2}, id="without-step-before"),
        pytest.param([(1, {"acc": 1}), (None, {"loss": 2})], {"loss": 2}, id="without-step-after"),
        pytest.param(
            [(None, {"loss": 2}), (1, {"acc": 1}), (None, {"loss": 3}), (2, {"acc": 2})],
            {"loss": 3},
            id="always-before",
        ),
        pytest.param(
            [(1, {"acc": 1}), (None, {"loss": 2}), (2, {"acc": 2}), (None, {"loss": 3})], {"loss": 3}, id="always-after"
        ),
        pytest.param([(1, {"acc": 1, "loss": 2}), (1, {"acc": 3})], {}, id="never-of-an-earlier-report"),
        pytest.param([(1, {"loss": 2}), (2, {"acc": 1})], {}, id="another-step"),
        pytest.param([(1, {"loss": 2}), (2, {"loss": 3}), (2, {"acc": 1})], {"loss": 3}, id="newest-step-waits"),
    ],
)
def test_metrics_of_one_step_join(reports, metrics):
    """Additional metrics belong to the objective of their step, for any order of the lines."""
    progress = fed(*reports)
    assert progress.latest.metrics == metrics
    assert progress.best is progress.latest
    assert progress.pending is None


@pytest.mark.parametrize(
    ("reports", "step"),
    [
        pytest.param([(1, {"acc": 1, "loss": 2, "f1": 3})], 1, id="one-line"),
        pytest.param([(1, {"loss": 2}), (1, {"acc": 1}), (1, {"f1": 3})], 1, id="three-lines"),
        pytest.param([(1, {"acc": 1, "loss": 2, "f1": 3}), (2, {"acc": 1, "loss": 2})], 1, id="the-next-lacks-one"),
        pytest.param([(1, {"acc": 1, "loss": 2, "f1": 3}), (2, {"acc": 1, "loss": 2, "f1": 3})], 2, id="the-last"),
        pytest.param([(1, {"acc": 1, "loss": 2}), (2, {"acc": 1, "f1": 3})], None, id="never-at-one-step"),
    ],
)
def test_the_last_complete_report_is_kept(reports, step):
    """With several objectives a report counts once all of them are known at one step."""
    complete = fed(*reports, others=frozenset({"loss", "f1"})).latest_complete
    assert (complete and complete.step) == step
    assert complete is None or {"loss", "f1"} <= complete.metrics.keys()


@pytest.mark.parametrize("report", [acc(2, 0.2), (2, {"acc": 0.2, "loss": 1.0}), (1, {"loss": 0.9})])
def test_a_repeated_report_returns_the_same_object(report):
    """A progress bar that is redrawn is no other report."""
    progress = fed((1, {"acc": 0.1}), (2, {"acc": 0.2, "loss": 1.0}))
    assert fed(report, progress=progress) is progress


@pytest.mark.parametrize(
    ("values", "best", "mean"),
    [
        pytest.param([0.9, 0.2], (1, 0.5), 0.35, id="worse"),
        pytest.param([0.2, 0.9], (2, 0.9), 0.7, id="better"),
        pytest.param([0.9, nan], (1, 0.5), 0.5, id="not-finite"),
    ],
)
def test_a_later_report_of_a_step_replaces_its_value(values, best, mean):
    """The best, the mean and the curve have the newest value of each step."""
    progress = fed(acc(1, 0.5), *(acc(2, value) for value in values))
    assert (progress.best.step, progress.best.value) == best
    assert progress.mean.value == pytest.approx(mean)
    assert repr(progress.curve) == repr(((1, 0.5), (2, values[-1])))


@pytest.mark.parametrize(
    ("steps", "kept"),
    [
        pytest.param(range(1, 65), list(range(1, 65)), id="all-of-64"),
        pytest.param(range(1, 66), [*range(1, 65, 2), 65], id="every-second-of-65"),
        pytest.param(range(0, 4161, 64), [*range(0, 4160, 128), 4160], id="steps-of-64"),
        pytest.param([*range(1, 65), 10**9], [1, 10**9], id="a-jump"),
        pytest.param([n / 64 for n in range(66)], [*[n / 64 for n in range(0, 64, 2)], 1.0, 65 / 64], id="fractions"),
    ],
)
def test_the_curve_is_thinned_evenly(steps, kept):
    """The first point, one of every 2^k steps, and the latest stay."""
    curve = fed(*(acc(step, 0.5) for step in steps)).curve
    assert [step for step, _ in curve] == kept
    assert len(curve) <= MAX_CURVE_POINTS


def test_reports_beyond_the_last_level_do_not_count():
    """The values do not depend on when the program stops. The trial records that it trains beyond the level."""
    progress, tracking = Progress(), Tracking("acc", maximize=True, levels=(3, 6))
    for step, value in ((4, 0.5), (8, 0.6), (12, 0.9), (16, 1.0), (20, 1.1)):
        progress = observe(progress, step, {"acc": value}, time=START, tracking=tracking)
    assert (progress.latest.step, progress.best.value, progress.excess) == (8, 0.6, 2)
    assert [point[0] for point in progress.curve] == [4, 8]
