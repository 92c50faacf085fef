"""No line breaks the parser, and it reads the lines that the SDK writes."""

import io
import re
from contextlib import redirect_stdout

from hypothesis import given
from hypothesis import strategies as st

from toprung.metrics.line_format import LineFormat, LineParser, decode
from toprung_trial import report as write_report

NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_./:@-]{0,12}", fullmatch=True).filter(
    lambda name: name.lower() not in ("step", "epoch")
)
METRICS = st.dictionaries(NAMES, st.floats(), min_size=1, max_size=5)
STEPS = st.none() | st.integers(0, 2**53)


@given(METRICS, STEPS)
def test_lines_of_the_sdk_are_read(values, step):
    """The report has the values and the step of the SDK's line, NaN and infinities included."""
    with redirect_stdout(io.StringIO()) as written:
        write_report(**({} if step is None else {"step": step}), **values)
    report = LineParser(LineFormat(tuple(values), ("step",))).parse(written.getvalue())
    assert (report.steps.get("step"), repr(dict(report.values))) == (step, repr(values))


@given(METRICS, STEPS, st.sampled_from([" ", ", ", " | ", "\t"]))
def test_name_value_pairs_are_read(values, step, separator):
    """The report has the values and the step, for any separator."""
    pairs = ([] if step is None else [f"step={step}"]) + [f"{name}={value!r}" for name, value in values.items()]
    report = LineParser(LineFormat(tuple(values), ("step",))).parse(separator.join(pairs))
    assert (report.steps.get("step"), repr(dict(report.values))) == (step, repr(values))


@given(st.binary(max_size=200), st.sampled_from([(), (r"(?P<name>\w+)\W+(?P<value>\S+)",)]), st.integers(0, 3))
def test_no_bytes_raise_an_error(noise, patterns, copies):
    """For any output, a report has only the requested metrics and steps that are not negative."""
    parser = LineParser(LineFormat(("loss", "acc"), ("step",), patterns=patterns))
    texts = (decode(noise), decode(noise + b' step=3 {"loss' * copies + b"loss=1" + noise), decode(noise))
    reports = [report for report in map(parser.parse, texts) if report is not None]
    assert {name for report in reports for name in (*report.values, *report.rejected)} <= {"loss", "acc"}
    assert [step for report in reports for step in report.steps.values() if step < 0] == []


@given(st.floats(allow_nan=False, allow_infinity=False), st.text("0123456789.,/%:eE+-_'x ", max_size=6))
def test_a_number_is_read_in_full_or_not_at_all(value, more):
    """No part of a longer text is read as a value."""
    text = f"{value!r}{more}"
    report = LineParser(LineFormat(("loss",))).parse(f"loss={text}")
    got = report.values.get("loss") if report is not None else None
    word = re.split(r"[ ]|,(?![0-9])|'(?![0-9A-Za-z])|\.(?= |\Z)", text, maxsplit=1)[0]
    assert got is None or got == float(word)
