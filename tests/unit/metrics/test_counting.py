"""The reports of a log that count, and their steps."""

from datetime import UTC, datetime, timedelta

import pytest

from toprung.metrics import LineFormat, LineParser, Position, Progress, Report, Tracking, count, start_attempt
from toprung.metrics.types import Ignored, IgnoredReports

START = datetime(2026, 1, 2, tzinfo=UTC)
DEFAULT = LineFormat(("loss", "acc"))
BY_EPOCH = LineFormat(("loss", "acc"), step_names=("epoch",))


def read(*lines, progress=None, attempt=1, line_format=DEFAULT, first=0):
    """Read the lines of the log of one attempt, a second apart."""
    parser, progress = LineParser(line_format), start_attempt(progress or Progress(), attempt)
    tracking = Tracking("loss", maximize=False, others=frozenset({"acc"}), step_names=line_format.step_names)
    for second, line in enumerate(lines, first):
        report, time = parser.parse(line), START + timedelta(seconds=second)
        if report is not None:
            progress = count(progress, report, time=time, position=Position(time), tracking=tracking)
    return progress


@pytest.mark.parametrize(
    ("lines", "curve"),
    [
        pytest.param(["loss=0.9", "loss=0.8"], [(1, 0.9), (2, 0.8)], id="lines-are-counted"),
        pytest.param(["epoch=0 loss=0.9", "epoch=1 loss=0.8"], [(0, 0.9), (1, 0.8)], id="from-zero"),
        pytest.param(
            ["epoch=1 batch=0 loss=2.3", "epoch=1 batch=9 loss=1.1", "epoch=2 batch=0 loss=1.9", "epoch=2 loss=0.4"],
            [(1, 1.1), (2, 0.4)],
            id="several-of-one-step",
        ),
        pytest.param(
            ["epoch=1 step=100 loss=0.9", "epoch=1 step=200 loss=0.8", "epoch=2 step=100 loss=0.7"],
            [(100, 0.9), (200, 0.8), (300, 0.7)],
            id="steps-restart",
        ),
        pytest.param(
            ["epoch=1 step=50 loss=0.9", "epoch=1 step=200 loss=0.8", "epoch=2 step=100 loss=0.7"],
            [(50, 0.9), (200, 0.8), (300, 0.7)],
            id="steps-restart-at-another-number-in-a-later-epoch",
        ),
        pytest.param(
            ["step=0 loss=0.9", "step=1 loss=0.8", "step=0 loss=0.7", "step=1 loss=0.6"],
            [(0, 0.9), (1, 0.8), (2, 0.7), (3, 0.6)],
            id="steps-restart-at-zero",
        ),
        pytest.param(
            ["epoch=0.5 loss=0.8", "epoch=1.0 loss=0.7", "epoch=1.98 loss=0.1"],
            [(0.5, 0.8), (1, 0.7), (1.98, 0.1)],
            id="fractions",
        ),
        pytest.param(
            ["step=100 loss=0.9", "epoch=1 loss=0.8", "step=200 loss=0.7", "epoch=2 loss=0.6"],
            [(100, 0.9), (101, 0.8), (200, 0.7), (201, 0.6)],
            id="step-and-epoch-on-different-lines",
        ),
        pytest.param(
            ["step=0 loss=0.9", "epoch=1 loss=0.3", "epoch=2 loss=0.7"],
            [(0, 0.9), (1, 0.3), (2, 0.7)],
            id="one-line-with-another-name",
        ),
        pytest.param(
            ["step=1 loss=0.9", "epoch=1 loss=0.3", "step=2 loss=0.7", "step=3 loss=0.6"],
            [(1, 0.9), (2, 0.3), (3, 0.7), (4, 0.6)],
            id="counted-lines-are-not-overwritten",
        ),
        pytest.param(
            ["epoch=1 step=100 loss=0.9", "epoch=2 step=100 loss=0.3", "epoch=3 step=100 loss=0.7"],
            [(100, 0.9), (200, 0.3), (300, 0.7)],
            id="the-same-step-in-each-epoch",
        ),
        pytest.param(
            ['{"epoch": 1, "step": 9, "loss": 0.9}', '{"epoch": 2, "step": 9, "loss": 0.3}'],
            [(9, 0.9), (18, 0.3)],
            id="the-same-step-in-json",
        ),
        pytest.param(["epoch,step,loss", "1,9,0.9", "2,9,0.3"], [(9, 0.9), (18, 0.3)], id="the-same-step-in-a-table"),
        pytest.param(
            ["epoch  loss  time", "0  0.9  00:01", "epoch  loss  time", "0  0.8  00:01", "1  0.7  00:01"],
            [(0, 0.9), (1, 0.8), (2, 0.7)],
            id="the-first-step-below-a-repeated-header",
        ),
        pytest.param(
            ["epoch,loss", "1,0.9", "epoch,loss", "epoch,loss", "1,0.8", "epoch,loss", "2,0.7", "2,0.6"],
            [(1, 0.9), (2, 0.8), (3, 0.6)],
            id="a-header-repeated-between-rows",
        ),
        pytest.param(
            ["epoch,loss", "epoch,loss", "1,0.9", "1,0.8"], [(1, 0.8)], id="a-header-repeated-before-the-first-row"
        ),
        pytest.param(
            ["Epoch [1/3], Step [100/100], loss: 0.9", "Epoch [2/3], Step [100/100], loss: 0.3"],
            [(100, 0.9), (200, 0.3)],
            id="the-same-step-in-brackets",
        ),
        pytest.param(
            ["Epoch 1/2", "step=100 loss=0.9", "Epoch 2/2", "step=100 loss=0.3"],
            [(100, 0.9), (200, 0.3)],
            id="the-same-step-below-headings",
        ),
        pytest.param(
            ["Epoch 1", "loss: 0.9 [0/10]", "loss: 0.8 [9/10]", "Epoch 2", "loss: 0.7 [9/10]"],
            [(1, 0.8), (2, 0.7)],
            id="several-lines-below-a-heading",
        ),
        pytest.param(
            ["epoch=1 acc=0.1", "loss=0.9", "epoch=2 acc=0.2", "loss=0.8"],
            [(1, 0.9), (2, 0.8)],
            id="step-on-another-line",
        ),
        pytest.param(
            ["epoch=1 loss=0.9", "epoch=2 loss=0.8", "epoch=3 loss=0.7", "epoch=2 loss=0.6"],
            [(1, 0.9), (2, 0.8), (3, 0.6)],
            id="a-summary-of-an-earlier-step",
        ),
    ],
)
def test_every_report_counts(lines, curve):
    """For any steps of a program, its last value is the latest one, and no step exceeds its training."""
    progress = read(*lines)
    assert list(progress.curve) == curve
    assert progress.latest.value == curve[-1][1]
    assert progress.best.value == min(value for _, value in curve)
    assert not progress.ignored


@pytest.mark.parametrize(
    ("lines", "curve", "reason", "reports", "example"),
    [
        pytest.param(
            ["loss=9.1", "loss=9.2", "epoch=1 loss=0.1", "epoch=2 loss=0.2", "epoch=3 loss=0.3"],
            [(1, 0.1), (2, 0.2), (3, 0.3)],
            Ignored.NO_STEP,
            2,
            "loss=9.2",
            id="lines-before-the-first-step",
        ),
        pytest.param(
            ["loss=9.1", "epoch=0 loss=0.1"], [(0, 0.1)], Ignored.NO_STEP, 1, "loss=9.1", id="before-a-step-of-zero"
        ),
        pytest.param(
            ["epoch=1 loss=0.9", "epoch=2 loss=0.8", "loss=0.3", "loss: 0.2"],
            [(1, 0.9), (2, 0.8)],
            Ignored.NO_STEP,
            2,
            "loss=0.3",
            id="a-summary-without-step",
        ),
        pytest.param(
            ["epoch=1 acc=0.5", "loss=0.9", "loss=0.1"],
            [(1, 0.9)],
            Ignored.NO_STEP,
            1,
            "loss=0.1",
            id="the-step-of-another-line-applies-once",
        ),
        pytest.param(
            ["epoch=1 loss=0.9", "epoch=2 loss=0.8", "epoch=3 loss=0.8", "epoch=2 acc=0.6"],
            [(1, 0.9), (2, 0.8), (3, 0.8)],
            Ignored.EARLIER_STEP,
            1,
            "epoch=2 acc=0.6",
            id="another-metric-of-an-earlier-step",
        ),
        pytest.param(
            ["epoch,loss", "1,0.5", "2,0.4", "mean,0.1", "total,12"],
            [(1, 0.5), (2, 0.4)],
            Ignored.INVALID_STEP,
            2,
            "epoch: mean",
            id="summary-rows",
        ),
        pytest.param(
            ['{"epoch": 1, "loss": 0.5}', '{"epoch": null, "loss": 0.1}', '{"epoch": "", "loss": 0.1}'],
            [(1, 0.5)],
            Ignored.INVALID_STEP,
            2,
            "epoch: null",
            id="json-without-a-step",
        ),
        pytest.param(
            ["epoch=1 loss=0.5", "epoch=final loss=0.1"],
            [(1, 0.5)],
            Ignored.INVALID_STEP,
            1,
            "epoch=final",
            id="a-string-as-step",
        ),
        pytest.param(
            ["epoch=1 loss=0.5", "best epoch=1, loss=0.1"],
            [(1, 0.5)],
            Ignored.NO_STEP,
            1,
            "loss=0.1",
            id="the-best-epoch-is-no-step",
        ),
        pytest.param(
            ["epoch=1 loss=0.5", "Best loss: 0.1"],
            [(1, 0.5)],
            Ignored.AMBIGUOUS_NAME,
            1,
            "Best loss: 0.1",
            id="the-best-value-is-another-metric",
        ),
        pytest.param(
            ["epoch=1 loss=0.5", "epoch=2 step=7", "epoch=2 acc=0.5 loss=0.4", "loss=0.3", "loss=0.2"],
            [(1, 0.5), (2, 0.4)],
            Ignored.NO_STEP,
            2,
            "loss=0.3",
            id="summaries-behind-a-line-with-both-metrics",
        ),
    ],
)
def test_some_reports_do_not_replace_others(lines, curve, reason, reports, example):
    """The values of earlier steps stay, and the trial records the reports."""
    progress = read(*lines)
    assert (list(progress.curve), progress.latest.value) == (curve, curve[-1][1])
    assert progress.best.value == min(value for _, value in curve)
    assert {each: (noted.count, noted.example) for each, noted in progress.ignored.items()} == {
        reason: (reports, example)
    }


def test_a_resumed_attempt_does_not_count_lines_where_there_were_steps():
    """A line before its first step is no step beyond those of the trial."""
    progress = read("loss=0.1", "epoch=3 loss=0.7", progress=read("epoch=2 loss=0.9"), attempt=2, first=100)
    assert list(progress.curve) == [(2, 0.9), (3, 0.7)]
    assert progress.ignored[Ignored.NO_STEP].count == 1


@pytest.mark.parametrize(
    ("lines", "reason", "reports", "example"),
    [
        pytest.param(["epoch=1 loss=0,57", "epoch=2 loss=0,49"], Ignored.NOT_A_NUMBER, 2, "loss=0,57", id="comma"),
        pytest.param(["loss=0.5 -> 0.4"], Ignored.NOT_A_NUMBER, 1, "loss=0.5 -> 0.4", id="all-of-the-value"),
        pytest.param(["loss=9836/10000"], Ignored.NOT_A_NUMBER, 1, "loss=9836/10000", id="fraction"),
        pytest.param(['{"loss": "12%"}'], Ignored.NOT_A_NUMBER, 1, "loss: 12%", id="percent-in-json"),
        pytest.param(["epoch=-1 loss=0.5"], Ignored.INVALID_STEP, 1, "epoch=-1", id="negative-step"),
        pytest.param(["epoch=1,000 loss=0.5"], Ignored.INVALID_STEP, 1, "epoch=1,000", id="step-with-a-comma"),
        pytest.param(["loss=0,5" + "\x1b[31m\t" + "9" * 999], Ignored.NOT_A_NUMBER, 1, "loss=0,5", id="controls"),
    ],
)
def test_invalid_reports_are_counted_by_reason(lines, reason, reports, example):
    """The first one of each reason is recorded."""
    progress = read(*lines)
    assert progress.latest is None
    assert {each: (noted.count, noted.example) for each, noted in progress.ignored.items()} == {
        reason: (reports, example)
    }


def test_the_start_of_a_long_line_is_recorded_as_skipped():
    """It may contain a report."""
    report = Report({}, skipped="loss=0.5 xxx")
    tracking = Tracking("loss", maximize=False)
    progress = count(start_attempt(Progress(), 1), report, time=START, position=Position(START), tracking=tracking)
    assert progress.latest is None
    assert progress.ignored == {Ignored.SKIPPED: IgnoredReports(1, "the beginning of a long line: loss=0.5 xxx")}


def test_an_invalid_metric_does_not_invalidate_the_objective():
    """The metric is recorded as invalid, and the objective counts."""
    progress = read("epoch=1 loss=0.5 acc=0,7")
    assert (progress.latest.value, progress.latest.metrics) == (0.5, {})
    assert progress.ignored[Ignored.NOT_A_NUMBER].example == "acc=0,7"


@pytest.mark.parametrize(
    ("lines", "pairs"),
    [
        pytest.param(["loss=0.5", "acc=0.71", "loss=0.4", "acc=0.72"], [(0.5, 0.71), (0.4, 0.72)], id="after"),
        pytest.param(["acc=0.71", "loss=0.5", "acc=0.72", "loss=0.4"], [(0.5, 0.71), (0.4, 0.72)], id="before"),
        pytest.param(["loss=0.5 acc=0.71", "loss=0.4"], [(0.5, 0.71), (0.5, 0.71)], id="one-lacks-it"),
        pytest.param(
            ["epoch=1 loss=0.5", "epoch=1 acc=0.7", "epoch=1 loss=0.4", "epoch=1 acc=0.8"],
            [(0.5, 0.7), (0.4, 0.8)],
            id="twice-at-one-step",
        ),
    ],
)
def test_only_printed_pairs_of_values_are_joined(lines, pairs):
    """For each prefix of the log the values of a report belong together."""
    half, whole = read(*lines[: len(lines) // 2]), read(*lines)
    assert [(each.latest_complete.value, each.latest_complete.metrics["acc"]) for each in (half, whole)] == pairs


@pytest.mark.parametrize(
    ("before", "after", "curve"),
    [
        pytest.param(
            ["epoch=1 loss=0.9", "epoch=2 loss=0.8"],
            ["epoch=2 loss=0.1", "acc=0.1", "epoch=3 loss=0.7"],
            [(1, 0.9), (2, 0.8), (3, 0.7)],
            id="repeated-steps",
        ),
        pytest.param(["loss=0.9", "loss=0.8"], ["loss=0.7"], [(1, 0.9), (2, 0.8), (3, 0.7)], id="counted-lines"),
    ],
)
def test_a_resumed_attempt_continues(before, after, curve):
    """Steps that it repeats do not count. Lines without steps continue the count."""
    progress = read(*after, progress=read(*before, line_format=BY_EPOCH), attempt=2, line_format=BY_EPOCH, first=100)
    assert list(progress.curve) == curve


@pytest.mark.parametrize(
    ("lines", "curve", "reports", "example"),
    [
        pytest.param(
            ["step=10 loss=0.9", "step=9 loss=0.3", "step=9 loss=0.4", "step=8 loss=0.7"],
            [(10, 0.9), (11, 0.4), (12, 0.7)],
            2,
            "step=9",
            id="to-the-end",
        ),
        pytest.param(
            ["step=10 loss=0.9", "step=1 loss=0.3", "step=2 loss=0.4", "step=1 loss=0.7"],
            [(10, 0.9), (11, 0.3), (12, 0.4), (13, 0.7)],
            1,
            "step=1",
            id="once-and-then-up",
        ),
    ],
)
def test_steps_that_count_down_are_counted_as_lines(lines, curve, reports, example):
    """Each is the step after the previous one, and is recorded.

    Steps are not added as if the program had restarted.
    """
    progress = read(*lines)
    assert list(progress.curve) == curve
    assert {each: (noted.count, noted.example) for each, noted in progress.ignored.items()} == {
        Ignored.OTHER_STEP: (reports, example)
    }


def test_another_metric_of_a_step_that_counts_down_belongs_to_it():
    """The next line has the same step."""
    progress = read("step=9 loss=0.9", "step=8 loss=0.3", "step=8 acc=0.7")
    assert (progress.latest.step, progress.latest.value, progress.latest.metrics) == (10, 0.3, {"acc": 0.7})


@pytest.mark.parametrize("line", ["step=100 loss=0.5", '{"step": 100, "loss": 0.5}', "Step 100: loss=0.5"])
def test_steps_other_than_the_resource_are_recorded(line):
    """Lines count as steps, and the trial records why."""
    progress = read(line, line_format=LineFormat(("loss",), step_names=("epochs",)))
    assert list(progress.curve) == [(1, 0.5)]
    assert progress.ignored[Ignored.OTHER_STEP].example == "step=100"


def test_the_resource_of_early_stopping_is_the_step():
    """Other steps of the line are ignored."""
    lines = ["epoch=1 step=100 loss=0.9", "epoch=1 step=200 loss=0.8", "epoch=2 step=100 loss=0.7"]
    assert list(read(*lines, line_format=BY_EPOCH).curve) == [(1, 0.8), (2, 0.7)]
