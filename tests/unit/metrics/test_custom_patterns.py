"""Custom patterns read names, values and steps, with bounded work."""

import re

import pytest

from support.metric_lines import COLON, parsed
from toprung.metrics.custom import MAX_TEXT
from toprung.metrics.line_format import LineFormat, LineParser


@pytest.mark.parametrize(
    ("line", "values"),
    [
        pytest.param("epoch: 3 acc: 0.5", {"acc": 0.5}, id="matches"),
        pytest.param("acc: 0.5 acc: 0.5", {"acc": 0.5}, id="the-same-value-twice"),
        pytest.param("acc: 0.5 acc: 0.6", {}, id="two-values"),
        pytest.param("épòch acc: 0.5", {"acc": 0.5}, id="unicode"),
        pytest.param("acc=0.5", None, id="instead-of-pairs"),
        pytest.param('{"acc": 0.5}', None, id="instead-of-json"),
        pytest.param("acc: -", None, id="value-that-is-no-number"),
        pytest.param("x" * MAX_TEXT + " acc: 0.5", {"acc": 0.5}, id="end-of-a-long-line"),
        pytest.param("acc: 0.5 " + "x" * MAX_TEXT, None, id="start-of-a-long-line"),
    ],
)
def test_a_custom_pattern_replaces_the_formats(line, values):
    """It is searched in the end of the line."""
    report = parsed(line, LineFormat(("acc",), ("epoch",), patterns=(COLON,)))
    assert (report and dict(report.values)) == values


@pytest.mark.parametrize(
    ("pattern", "line", "values"),
    [
        pytest.param(r"(?P<name>acc) (?P<value>[0-9.e+-]+)", "acc 0,57", {}, id="decimal-comma"),
        pytest.param(r"(?P<name>acc) (?P<value>[0-9.e+-]+)", "acc 12,345", {}, id="thousands"),
        pytest.param(r"(?P<name>acc) (?P<value>[0-9.e+-]+)", "acc 0.3%", {}, id="percent"),
        pytest.param(r"(?P<name>acc) (?P<value>[0-9.e+-]+)", "acc 0.3 %", {}, id="spaced-percent"),
        pytest.param(r"(?P<name>acc) (?P<value>[0-9.e+-]+)", "acc 1e5x", {}, id="letter"),
        pytest.param(r"(?P<name>acc) (?P<value>[0-9.e+-]+)", "acc 9/10", {}, id="fraction"),
        pytest.param(r"(?P<name>acc) (?P<value>[0-9.e+-]+)", "acc 0.5 -> 0.4", {}, id="arrow"),
        pytest.param(r"(?P<name>acc) (?P<value>[0-9.e+-]+)", "acc 0;57", {}, id="semicolon"),
        pytest.param(r"(?P<name>acc) (?P<value>[0-9.e+-]+)", "acc 0.5 ➜ 0.4", {}, id="another-arrow"),
        pytest.param(r"(?P<name>acc) (?P<value>[0-9.e+-]+)", "acc 0.5 > 0.4", {}, id="comparison"),
        pytest.param(r"(?P<name>acc) (?P<value>[0-9.]+)", "acc 12 345", {}, id="blank-between-thousands"),
        pytest.param(r"(?P<name>acc) (?P<value>[0-9.]+).*", "acc 12 345", {}, id="blank-within-the-match"),
        pytest.param(r"(?P<name>acc) (?P<value>[0-9.]+)", "acc 0.5 s", {}, id="spaced-unit"),
        pytest.param(r"(?P<name>acc) (?P<value>[0-9]+(?:\.[0-9]+)?) \d+", "acc 0.5 12", {"acc": 0.5}, id="next-column"),
        pytest.param(r"(?P<name>acc) (?P<value>[0-9.]+)", "acc 0.5 loss 1", {"acc": 0.5}, id="a-word-behind"),
        pytest.param(r"(?P<name>acc) (?P<value>[0-9.]+).*", "acc 0,57", {}, id="comma-within-the-match"),
        pytest.param(r"(?P<name>acc).*(?P<value>[0-9.]+)", "acc 0.57", {}, id="last-digit"),
        pytest.param(r"(?P<name>acc).*?(?P<value>[0-9.]+)", "acc -0.57", {}, id="without-its-sign"),
        pytest.param(r"(?P<name>acc) (?P<value>[0-9.e+-]+)", "acc 0.5, next", {"acc": 0.5}, id="comma-and-blank"),
        pytest.param(r"(?P<name>acc)(?P<value>[0-9.]+)", "acc0.5", {"acc": 0.5}, id="at-the-name"),
        pytest.param(r"(?P<name>acc) (?P<value>[0-9.]+)%", "acc 91.2%", {"acc": 91.2}, id="percent-in-the-pattern"),
        pytest.param(r"(?P<name>acc) v(?P<value>[0-9.]+)s", "acc v3s", {"acc": 3}, id="letters-in-the-pattern"),
    ],
)
def test_a_pattern_reads_a_number_in_full_or_not_at_all(pattern, line, values):
    """A value that is a part of a longer word is rejected, as printed."""
    report = parsed(line, LineFormat(("acc",), patterns=(pattern,)))
    assert dict(report.values) == values
    assert dict(report.rejected) == ({} if values else {"acc": line})


def test_a_pattern_reads_a_step_in_full():
    """A part of a number is no step."""
    grammar = LineFormat(("acc",), patterns=(r"it.*?(?P<step>\d+) (?P<name>acc) (?P<value>\S+)",))
    assert parsed("it 12 acc 0.5", grammar).steps == {"step": 12}
    assert parsed("it 1.5 acc 0.5", grammar).bad_steps == {"step": "it 1.5 acc 0.5"}


def test_several_patterns_with_a_step():
    """The first pattern that finds a metric counts. A step may be a separate group."""
    grammar = LineFormat(("acc",), patterns=(COLON, r"#(?P<step>\d+) (?P<name>\w+)=(?P<value>\S+)"))
    assert parsed("acc: 0.5", grammar).steps == {}
    report = parsed("#7 acc=0.6", grammar)
    assert (report.steps, report.values) == ({"step": 7}, {"acc": 0.6})


@pytest.mark.parametrize(
    "pattern",
    [
        pytest.param(r"(?P<name>(?:a+)+)(?P<value>(?:\d+)+)$", id="exponential-for-backtracking"),
        pytest.param(r"(?P<name>a)(?P<value>(?:[ab]{0,20}a){0,4}[ab]{50}1)?", id="quadratic-over-matches"),
    ],
)
def test_the_work_of_a_pattern_is_bounded(pattern):
    """The sizes of the pattern and the line limit the number of searches in a line."""
    assert parsed("a" * 100 * MAX_TEXT, LineFormat(("acc",), ("epoch",), patterns=(pattern,))) is None


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        pytest.param("(", "must be an RE2 expression: missing )", id="no-expression"),
        pytest.param(r"(?P<name>\w+)(?=x)(?P<value>1)", "RE2 has no look-around", id="look-around"),
        pytest.param(r"(?P<name>\w+)", "requires the group value", id="one-group"),
        pytest.param(r"\w+", "requires the groups name and value", id="no-group"),
        pytest.param(r"\(?P<name>[(?P<value>]", "requires the groups name and value", id="escaped-groups"),
        pytest.param(
            r"(?P<name>a)=(?P<value>1)|(?P<name>b): (?P<value>2)", "must have the group name once", id="group-twice"
        ),
        pytest.param(r"(?P<name>a)(?:[a-y]{0,250}a){0,3}(?P<value>1)", "400 instructions", id="large"),
        pytest.param(r"(?P<name>a)\pL{900}(?P<value>1)", "smaller repeat counts", id="far-too-large"),
    ],
)
def test_an_invalid_pattern_has_a_correction(pattern, message):
    """The message has the pattern that works."""
    with pytest.raises(ValueError, match=re.escape(message)):
        LineParser(LineFormat(("acc",), patterns=(pattern,)))
