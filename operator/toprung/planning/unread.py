"""Messages about reports that were printed and did not count."""

from collections.abc import Iterable

from toprung.metrics.types import Ignored, IgnoredReports, Progress

_MEANINGS = {
    Ignored.NOT_A_NUMBER: "the value is not a number",
    Ignored.INVALID_STEP: "the step is not a number of 0 or more",
    Ignored.NO_STEP: "they have no step, and other reports have one",
    Ignored.EARLIER_STEP: "their step is before the latest one",
    Ignored.SKIPPED: "the program printed faster than its log is read",
}
_FIX = "Print plain numbers such as 0.57; spec.metrics.stdout.patterns reads other formats"


def ignored_reports(progress: Progress) -> str:
    """Return how many reports did not count and why; "" where all did."""
    reasons = [_reason(reason, each) for reason, each in progress.ignored.items()]
    return f"{'; '.join(reasons)}. {_FIX}" if reasons else ""


def unread_lines(lines: Iterable[str]) -> str:
    """Return the lines that have a metric's name and no value that counts, for a message; "" where there are none."""
    quoted = "\n".join(lines)
    explanation = "; these lines have its name, but in another case or without a number that spec.metrics.stdout reads:"
    return f"{explanation}\n{quoted}" if quoted else ""


def _reason(reason: Ignored, reports: IgnoredReports) -> str:
    several = reports.count != 1
    counted = f"{reports.count} reports did not count" if several else "1 report did not count"
    return f"{counted}, because {_MEANINGS[reason]} ({'the first: ' if several else ''}{reports.example!r})"
