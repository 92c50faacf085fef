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
def test_what_is_written_is_read(values, step):
    """The SDK's line has the same values and step, NaN and infinities included."""
    with redirect_stdout(io.StringIO()) as written:
        write_report(**({} if step is None else {"step": step}), **values)
    report = LineParser(LineFormat(tuple(values), ("step",))).parse(written.getvalue())
    assert (report.steps.get("step"), repr(dict(report.values))) == (step, repr(values))


@given(METRICS, STEPS, st.sampled_from([" ", ", ", " | ", "\t"]))
def test_pairs_are_read(values, step, separator):
    """So are name=value pairs, whatever is between them."""
    pairs = ([] if step is None else [f"step={step}"]) + [f"{name}={value!r}" for name, value in values.items()]
    report = LineParser(LineFormat(tuple(values), ("step",))).parse(separator.join(pairs))
    assert (report.steps.get("step"), repr(dict(report.values))) == (step, repr(values))


@given(st.binary(max_size=200), st.sampled_from([(), (r"(?P<name>\w+)\W+(?P<value>\S+)",)]), st.integers(0, 3))
def test_no_bytes_raise(noise, patterns, copies):
    """Whatever a program prints, the reader gives wanted metrics and steps that are not negative, or nothing."""
    parser = LineParser(LineFormat(("loss", "acc"), ("step",), patterns=patterns))
    for text in (decode(noise), decode(noise + b' step=3 {"loss' * copies + b"loss=1" + noise), decode(noise)):
        report = parser.parse(text)
        assert report is None or report.values.keys() | report.rejected.keys() <= {"loss", "acc"}
        assert report is None or all(step >= 0 for step in report.steps.values())


@given(st.floats(allow_nan=False, allow_infinity=False), st.text("0123456789.,/%:eE+-_'x ", max_size=6))
def test_a_number_is_read_in_full_or_not_at_all(value, more):
    """Whatever follows a number, a part of it is never taken for the value."""
    text = f"{value!r}{more}"
    report = LineParser(LineFormat(("loss",))).parse(f"loss={text}")
    got = report.values.get("loss") if report is not None else None
    word = re.split(r"[ ]|,(?![0-9])|'(?![0-9A-Za-z])|\.(?= |\Z)", text, maxsplit=1)[0]
    assert got is None or got == float(word)
