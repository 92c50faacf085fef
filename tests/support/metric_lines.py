"""Parse a line of output in a test, and compare its report."""

from toprung.metrics.line_format import LineFormat, LineParser

GRAMMAR = LineFormat(("val_accuracy", "loss"))
COLON = r"(?P<name>\w+): (?P<value>[0-9.e+-]+|nan)"


def parsed(line, line_format=GRAMMAR):
    return LineParser(line_format).parse(line)


def same(report, steps, **values):
    """Compare with a report as text, because NaN is not equal to itself."""
    assert report is not None
    assert (dict(report.steps), repr(dict(report.values))) == (steps, repr(values))
