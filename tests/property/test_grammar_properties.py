"""No line hurts the reader, and the line that we write is the one that we read."""

from hypothesis import given
from hypothesis import strategies as st

from toprung.metrics.grammar import MAX_LINE, Grammar, decode, format_line, parse_line

NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_./:@-]{0,12}", fullmatch=True).filter(lambda name: name != "step")
METRICS = st.dictionaries(NAMES, st.floats(), min_size=1, max_size=5)
STEPS = st.none() | st.integers(0, 2**53)


@given(METRICS, STEPS)
def test_what_is_written_is_read(values, step):
    """Formatting and parsing are inverses, NaN and infinities included."""
    report = parse_line(format_line(values, step=step), Grammar(tuple(values), ("step",)))
    assert (report.step, repr(dict(report.values))) == (step, repr(values))


@given(METRICS, STEPS, st.sampled_from([" ", ", ", " | ", "\t"]))
def test_pairs_are_read(values, step, separator):
    """So are name=value pairs, whatever is between them."""
    pairs = ([] if step is None else [f"step={step}"]) + [f"{name}={value!r}" for name, value in values.items()]
    report = parse_line(separator.join(pairs), Grammar(tuple(values), ("step",)))
    assert (report.step, repr(dict(report.values))) == (step, repr(values))


@given(st.binary(max_size=200), st.sampled_from([None, r"(?P<name>\w+)\W+(?P<value>\S+)"]), st.integers(0, 3))
def test_no_bytes_raise(noise, pattern, copies):
    """Whatever a program prints, the reader gives wanted metrics and steps that are integers, or nothing."""
    grammar = Grammar(("loss", "acc"), ("step",), pattern)
    report = parse_line(decode(noise + b' step=3 {"loss' * copies + b"loss=1" + noise), grammar)
    assert report is None or (report.values.keys() <= {"loss", "acc"} and (report.step is None or report.step >= 0))


@given(st.integers(MAX_LINE - 20, MAX_LINE + 20), st.floats(allow_nan=False, allow_infinity=False))
def test_a_cut_never_changes_a_value(padding, value):
    """A number at the limit is read as it is, or not at all."""
    report = parse_line(decode(b" " * padding + f"loss={value!r}".encode()), Grammar(("loss",)))
    assert report is None or report.values["loss"] == value
