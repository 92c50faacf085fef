"""Formats messages about reports that were printed and did not count."""

from collections.abc import Iterable

from toprung.metrics.types import Ignored, IgnoredReports, Progress

_MEANINGS = {
    Ignored.NOT_A_NUMBER: "the value is not a number",
    Ignored.INVALID_STEP: "the step is not a number of 0 or more",
    Ignored.NO_STEP: "only other reports have a step",
    Ignored.EARLIER_STEP: "the step is before the latest one",
    Ignored.AMBIGUOUS_NAME: "the metric's name is behind another word, has two values, or is in an interrupted table",
    Ignored.SKIPPED: "a part of a very long line or log is not read",
}
_NUMBERS = "Print plain numbers such as 0.57; spec.metrics.stdout.patterns reads other formats"
_FIXES = {
    Ignored.NOT_A_NUMBER: _NUMBERS,
    Ignored.INVALID_STEP: _NUMBERS,
    Ignored.NO_STEP: "Print the step in each line, such as epoch=3 loss=0.57",
    Ignored.EARLIER_STEP: "Print all metrics of a step before the next step",
    Ignored.AMBIGUOUS_NAME: "Print the name alone and once, or write both words into the metric's name in the spec",
    Ignored.OTHER_STEP: "Print rising steps, named as spec.earlyStopping's resource, or change the resource",
    Ignored.SKIPPED: "Print fewer and shorter lines",
}


def ignored_reports(progress: Progress) -> str:
    """Return how many reports did not count and why; "" where all did."""
    reasons = [_reason(reason, each) for reason, each in progress.ignored.items()]
    fixes = dict.fromkeys(_FIXES[reason] for reason in progress.ignored)
    return f"{'; '.join(reasons)}. {'. '.join(fixes)}" if reasons else ""


def unread_lines(lines: Iterable[str]) -> str:
    """Return the lines that have a metric's name and no value that counts, for a message; "" where there are none."""
    quoted = "\n".join(lines)
    explanation = "; these lines contain the name, but with different case or without a number in a supported format:"
    return f"{explanation}\n{quoted}" if quoted else ""


def _reason(reason: Ignored, reports: IgnoredReports) -> str:
    several = reports.count != 1
    example = f"({'the first: ' if several else ''}{reports.example!r})"
    if reason is Ignored.OTHER_STEP:
        subject = f"{reports.count} reports were" if several else "1 report was"
        why = "the step is not the resource of early stopping, or counts down"
        return f"{subject} counted as a line, because {why} {example}"
    counted = f"{reports.count} reports did not count" if several else "1 report did not count"
    return f"{counted}, because {_MEANINGS[reason]} {example}"
