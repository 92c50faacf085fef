"""Which lines are understood, and which are not."""

import math
import re

import pytest

from toprung.metrics.grammar import (
    MAX_LINE,
    MAX_PATTERN_LINE,
    Grammar,
    decode,
    format_line,
    grammar_for,
    parse_line,
    plain,
)
from toprung.metrics.types import Report

GRAMMAR = Grammar(("val_accuracy", "loss"))
COLON = r"(?P<name>\w+): (?P<value>[0-9.e+-]+|nan)"


def same(report, step, **values):
    """Compare by text, for NaN is not equal to itself."""
    assert report is not None
    assert (report.step, repr(dict(report.values))) == (step, repr(values))


@pytest.mark.parametrize(
    ("line", "step", "values"),
    [
        pytest.param('{"epoch": 3, "val_accuracy": 0.91}', 3, {"val_accuracy": 0.91}, id="json"),
        pytest.param('  {"val_accuracy": 1}  ', None, {"val_accuracy": 1.0}, id="json-int-without-step"),
        pytest.param(
            '{"val_accuracy": "nan", "loss": "-Inf"}',
            None,
            {"val_accuracy": math.nan, "loss": -math.inf},
            id="json-strings",
        ),
        pytest.param(
            '{"val_accuracy": NaN, "loss": Infinity}',
            None,
            {"val_accuracy": math.nan, "loss": math.inf},
            id="json-literals",
        ),
        pytest.param('{"val_accuracy": 0.5, "loss": null}', None, {"val_accuracy": 0.5}, id="json-null-is-absent"),
        pytest.param('{"val_accuracy": 0.5, "loss": true}', None, {"val_accuracy": 0.5}, id="json-bool-is-no-number"),
        pytest.param('{"loss": 1, "deep": {"val_accuracy": 0.5}}', None, {"loss": 1.0}, id="json-nested-is-ignored"),
        pytest.param('{"loss": 1, "loss": 2}', None, {"loss": 2.0}, id="json-duplicate-key"),
        pytest.param('{"loss": 1, "note": "val_accuracy=3"}', None, {"loss": 1.0}, id="json-text-is-no-metric"),
        pytest.param('{"loss": 1e999}', None, {"loss": math.inf}, id="json-huge-exponent"),
        pytest.param('{"loss": ' + "9" * 5000 + "}", None, {"loss": math.inf}, id="json-huge-integer"),
        pytest.param('INFO:train:{"loss": 1, "step": 2}', 2, {"loss": 1.0}, id="json-behind-a-prefix"),
        pytest.param('loss=1 config={"lr": 0.1}', None, {"loss": 1.0}, id="pair-before-a-json-object"),
        pytest.param("epoch=3 val_accuracy=0.91", 3, {"val_accuracy": 0.91}, id="pairs"),
        pytest.param("epoch=3 val_accuracy=0.91, loss: 2", 3, {"val_accuracy": 0.91}, id="colon-is-no-pair"),
        pytest.param("[epoch=3] [val_accuracy=0.91] (loss=2)", 3, {"val_accuracy": 0.91, "loss": 2.0}, id="brackets"),
        pytest.param("epoch=3/10; loss = .5.", 3, {"loss": 0.5}, id="of-ten-and-a-full-stop"),
        pytest.param(
            "val_accuracy=91.2% loss='-1e-3'", None, {"val_accuracy": 91.2, "loss": -1e-3}, id="percent-and-quotes"
        ),
        pytest.param(
            "loss=nan val_accuracy=+Infinity", None, {"val_accuracy": math.inf, "loss": math.nan}, id="pairs-not-finite"
        ),
        pytest.param("loss=1 best loss=0.5", None, {"loss": 1.0}, id="first-of-a-name"),
        pytest.param("epoch=2 step=70 loss=1", 70, {"loss": 1.0}, id="step-before-epoch"),
        pytest.param("iteration=7 loss=1", 7, {"loss": 1.0}, id="iteration"),
        pytest.param("epoch=1.5 loss=1", 1, {"loss": 1.0}, id="part-of-an-epoch"),
        pytest.param("\x1b[1;32mloss=\x1b[0m1\x1b]0;title\x07", None, {"loss": 1.0}, id="colours"),
        pytest.param("10%|█ | loss=3\r99%|██| loss=2\r", None, {"loss": 2.0}, id="progress-bar-shows-its-last"),
        pytest.param('99%|██| 9/10\r{"loss": 1}', None, {"loss": 1.0}, id="json-behind-a-progress-bar"),
        pytest.param("准确率 loss=1 \ufffd\x00", None, {"loss": 1.0}, id="unicode-and-noise"),
    ],
)
def test_lines_that_count(line, step, values):
    """Each form gives its step and the wanted metrics alone."""
    same(parse_line(line, GRAMMAR), step, **values)


@pytest.mark.parametrize(
    "line",
    [
        pytest.param("", id="empty"),
        pytest.param("epoch=3 lr=0.1", id="nothing-wanted"),
        pytest.param("--loss=0.5", id="an-option"),
        pytest.param("train_loss=0.5 x/loss=1 my.loss=1", id="part-of-a-name"),
        pytest.param("loss>=0.5 loss==0.5 loss=", id="no-assignment"),
        pytest.param("loss=1.2.3 ", id="a-version"),
        pytest.param("loss=0.5s", id="a-unit"),
        pytest.param("Loss=0.5", id="another-case"),
        pytest.param('{"loss": true}', id="a-bool"),
        pytest.param('{"loss": [1]}', id="a-list"),
        pytest.param('["loss"]', id="json-that-is-no-object"),
        pytest.param('{"loss": 1', id="half-a-json-object"),
        pytest.param('{"loss":' + "[" * 60_000 + "}", id="deep-json"),
        pytest.param("epoch=-1 loss=1", id="negative-step"),
        pytest.param("epoch=nan loss=1", id="step-not-a-number"),
        pytest.param("epoch=1e300 loss=1", id="step-beyond-integers"),
    ],
)
def test_lines_that_do_not_count(line):
    """Whatever else a program prints is passed over."""
    assert parse_line(line, GRAMMAR) is None


@pytest.mark.parametrize(
    ("line", "report"),
    [
        pytest.param("epoch: 3 acc: 0.5", Report(3, {"acc": 0.5}), id="matches"),
        pytest.param("acc: 0.5 acc: 0.6", Report(None, {"acc": 0.5}), id="first-counts"),
        pytest.param("épòch acc: 0.5", Report(None, {"acc": 0.5}), id="unicode"),
        pytest.param("acc=0.5", None, id="instead-of-pairs"),
        pytest.param('{"acc": 0.5}', None, id="instead-of-json"),
        pytest.param("acc: -", None, id="value-that-is-no-number"),
        pytest.param("x" * MAX_PATTERN_LINE + " acc: 0.5", None, id="beyond-the-limit"),
    ],
)
def test_own_pattern(line, report):
    """A pattern of one's own replaces the other forms."""
    assert parse_line(line, Grammar(("acc",), ("epoch",), COLON)) == report


def test_a_pattern_can_not_hang_the_operator():
    """A pattern that is exponential for backtracking engines costs no more than any other."""
    grammar = Grammar(("acc",), ("epoch",), r"(?P<name>(?:a+)+)(?P<value>(?:\d+)+)$")
    assert parse_line("a" * MAX_PATTERN_LINE, grammar) is None


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        pytest.param("(", "is not an RE2 expression: missing )", id="no-expression"),
        pytest.param(r"(?P<name>\w+)(?=x)(?P<value>1)", "write it without look-around", id="look-around"),
        pytest.param(r"(?P<name>\w+)", "has no group value", id="one-group"),
        pytest.param(r"\w+", "has no group name and value", id="no-group"),
    ],
)
def test_bad_patterns(pattern, message):
    """A pattern that can't be used says what to write instead."""
    with pytest.raises(ValueError, match=re.escape(message)):
        Grammar(("acc",), pattern=pattern)


@pytest.mark.parametrize(
    ("before", "after", "seen"),
    [
        pytest.param(100, b"", True, id="short"),
        pytest.param(MAX_LINE, b"", True, id="metric-before-the-limit"),
        pytest.param(MAX_LINE, b" val_accuracy=0.91", False, id="metric-beyond-the-limit"),
    ],
)
def test_long_lines_are_cut(before, after, seen):
    """What is beyond the limit is not seen; what is before is."""
    line = (b"loss=1 " if not after else b"") + b" " * (before - 10) + b"xxx" + after + b" " + b"y" * 100
    report = parse_line(decode(line), GRAMMAR)
    assert (report is not None) == seen


def test_a_number_is_never_cut_in_two():
    """A cut line ends at a whole word: 0.91 is not read as 0.9."""
    line = b" " * (MAX_LINE - len(b"loss=0.9")) + b"loss=0.91"
    assert parse_line(decode(line), GRAMMAR) is None
    assert parse_line(decode(line[1:]), GRAMMAR) == Report(None, {"loss": 0.91})


def test_binary_noise_is_text_of_some_sort():
    """Bytes that are no UTF-8 do not hide a metric beside them."""
    assert parse_line(decode(b"\xff\xfe\x00 loss=1 \x80"), GRAMMAR) == Report(None, {"loss": 1.0})


def test_plain_takes_escapes_out():
    """Colours, titles and cursor movements go; the text stays."""
    assert plain("\x1b[31mred\x1b[0m \x1b]0;t\x1b\\x\x1b[2K") == "red x"


def test_format_line_is_valid_json():
    """A line of ours is read by any JSON parser, NaN included."""
    assert (
        format_line({"loss": math.nan, "acc": 0.5}, step=3, step_name="epoch")
        == '{"epoch": 3, "loss": "nan", "acc": 0.5}'
    )


@pytest.mark.parametrize(
    ("early_stopping", "step_keys"),
    [
        pytest.param(None, ("step", "epoch", "iteration"), id="none"),
        pytest.param({"asha": {"resource": "iteration", "maxResource": 9}}, ("iteration",), id="asha"),
    ],
)
def test_grammar_of_an_experiment(early_stopping, step_keys):
    """The step is what early stopping calls the resource."""
    assert grammar_for(experiment_spec(early_stopping)) == Grammar(("acc", "loss"), step_keys, COLON)


def experiment_spec(early_stopping):
    from toprung.api.experiment import ExperimentSpec  # noqa: PLC0415 - one test of many needs it

    return ExperimentSpec.model_validate(
        {
            "objective": {"metric": "acc", "type": "maximize", "additionalMetrics": ["loss"]},
            "parameters": [{"name": "lr", "type": "double", "min": 0.1, "max": 1.0}],
            "earlyStopping": early_stopping,
            "maxTrialCount": 1,
            "metrics": {"stdout": {"pattern": COLON}},
            "trialTemplate": {"template": {"spec": {"containers": [{"name": "train", "image": "x"}]}}},
        }
    )
