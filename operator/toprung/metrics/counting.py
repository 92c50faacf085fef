"""From the reports of a log to a trial's progress: each report is counted once, and those that cannot count are noted.

The whole state is in :class:`Progress`, which Trial.status carries: after a restart of the operator the log is read
again, and reports up to the stored position are skipped.
"""

from dataclasses import replace
from datetime import datetime

from toprung.api.trial import MAX_EXAMPLE
from toprung.metrics.progress import join, observe
from toprung.metrics.steps import next_step, step_of_extras
from toprung.metrics.types import (
    Ignored,
    IgnoredReports,
    Position,
    Progress,
    Reading,
    Report,
    Tracking,
)


def start_attempt(progress: Progress, attempt: int, *, offset: int = 0) -> Progress:
    """Return the progress with which the log of an attempt is read; unchanged where part of it was read before.

    Args:
        progress: of the attempts before.
        attempt: the number of the one that is read.
        offset: by how much the program's steps are above the trial's own.
    """
    if progress.reading is not None and progress.reading.attempt == attempt:
        return progress
    base = progress.latest.step if progress.latest is not None else None
    return replace(progress, reading=Reading(attempt=attempt, base=base, offset=float(-offset)), pending=None)


def count(progress: Progress, report: Report, *, time: datetime, position: Position, tracking: Tracking) -> Progress:
    """Count one report; returns `progress` itself where the report was counted before or changes nothing.

    Args:
        progress: of :func:`start_attempt`, with all reports so far.
        report: the next one of the attempt's log.
        time: when it was printed.
        position: its place in the log.
        tracking: which reports count, and how.
    """
    reading = progress.reading or Reading()
    if reading.position is not None and position <= reading.position:
        return progress
    reason = _reason(report, reading, tracking)
    noted = progress if reason is None else _with_one_more(progress, *reason)
    read = replace(reading, position=position)
    moved, counted = read, noted
    if report.values and (reason is None or reason[0] is Ignored.NOT_A_NUMBER):
        moved, counted = _counted(noted, read, report, time, tracking)
    if counted is progress and moved is read:
        return progress
    return counted if counted.reading is moved else replace(counted, reading=moved)


def _counted(
    progress: Progress, reading: Reading, report: Report, time: datetime, tracking: Tracking
) -> tuple[Reading, Progress]:
    latest = progress.latest.step if progress.latest is not None else None
    if tracking.metric not in report.values:
        step = step_of_extras(reading, report, latest, tracking.step_names)
        return reading, join(progress, step, report.values, others=tracking.others)
    moved, placed = next_step(reading, report, latest, tracking.step_names)
    if placed is None:
        return moved, progress
    return moved, observe(
        progress,
        placed,
        report.values,
        time=time,
        metric=tracking.metric,
        maximize=tracking.maximize,
        levels=tracking.levels,
        others=tracking.others,
        reading=moved,
    )


def _reason(report: Report, reading: Reading, tracking: Tracking) -> tuple[Ignored, str] | None:
    """Return why a report cannot count in full, with what the line has; None where it can."""
    names = (reading.name,) if reading.name else tracking.step_names
    step = next((name for name in names if name in report.steps or name in report.bad_steps), "")
    if step in report.bad_steps:
        return Ignored.INVALID_STEP, f"{step}: {report.bad_steps[step]}"
    metric = next(iter(report.rejected), None)
    return None if metric is None else (Ignored.NOT_A_NUMBER, f"{metric}: {report.rejected[metric]}")


def _with_one_more(progress: Progress, reason: Ignored, example: str) -> Progress:
    before = progress.ignored.get(reason)
    more = (
        replace(before, count=before.count + 1)
        if before is not None
        else IgnoredReports(1, "".join(c if c.isprintable() else " " for c in example)[:MAX_EXAMPLE])
    )
    return replace(progress, ignored={**progress.ignored, reason: more})


def with_skipped(progress: Progress) -> Progress:
    """Note that a part of the log was not read."""
    skipped = IgnoredReports(1, "a part of the log")
    return replace(progress, ignored={**progress.ignored, Ignored.SKIPPED: skipped})
