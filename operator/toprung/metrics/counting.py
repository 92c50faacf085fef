"""From the reports of a log to a trial's progress: each report is counted once, and those that cannot count are noted.

The whole state is in :class:`Progress`, which Trial.status carries: after a restart of the operator the log is read
again, and reports up to the stored position are skipped.
"""

from dataclasses import replace
from datetime import datetime

from toprung.api.v1alpha1.trial import MAX_EXAMPLE
from toprung.metrics.progress import join, observe
from toprung.metrics.steps import counts_down, has_first_step, has_no_step, next_step, step_of_extras
from toprung.metrics.types import (
    Ignored,
    IgnoredReports,
    Mean,
    Position,
    Progress,
    Reading,
    Report,
    Settled,
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
    before = progress.reading
    stepped = before is not None and (before.stepped or bool(before.name))
    reading = Reading(attempt=attempt, base=base, offset=float(-offset), stepped=stepped and base is not None)
    return replace(progress, reading=reading, pending=None)


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
    reason = _ignored_reason(report, reading, tracking)
    noted = progress if reason is None else _with_ignored(progress, *reason)
    read = replace(reading, position=position)
    moved, counted = read, noted
    if report.values and (reason is None or reason[0] is not Ignored.INVALID_STEP):
        moved, counted = _count_values(noted, read, report, time, tracking)
    if counted is progress and moved is read:
        return progress
    return counted if counted.reading is moved else replace(counted, reading=moved)


def _count_values(
    progress: Progress, reading: Reading, report: Report, time: datetime, tracking: Tracking
) -> tuple[Reading, Progress]:
    if tracking.metric in report.values and has_first_step(reading, report, tracking.step_names):
        progress = _without_counted_lines(progress, tracking.metric)
    latest = progress.latest.step if progress.latest is not None else None
    if tracking.metric not in report.values:
        return reading, _count_extras(progress, reading, report, latest, tracking)
    if has_no_step(reading, report):
        return reading, _with_ignored(progress, Ignored.NO_STEP, _shown(report, tracking.metric))
    if not reading.name and report.other_step:
        progress = _with_ignored(progress, Ignored.OTHER_STEP, report.other_step)
    elif counts_down(reading, report):
        progress = _with_ignored(progress, Ignored.OTHER_STEP, f"{reading.name}={report.steps[reading.name]:g}")
    moved, step = next_step(reading, report, latest, tracking.step_names)
    if step is None:
        return moved, progress
    return moved, observe(progress, step, report.values, time=time, tracking=tracking)


def _count_extras(
    progress: Progress, reading: Reading, report: Report, latest: float | None, tracking: Tracking
) -> Progress:
    step = step_of_extras(reading, report, latest, tracking.step_names)
    if latest is None or step is None or step >= latest:
        return join(progress, step, report.values, others=tracking.others)
    if reading.base is not None and step <= reading.base:  # a resumed attempt repeats it
        return progress
    return _with_ignored(progress, Ignored.EARLIER_STEP, _shown(report, next(iter(report.values))))


def _without_counted_lines(progress: Progress, metric: str) -> Progress:
    """Remove the lines without a step that were counted before the first step; what they crossed stays crossed."""
    latest = progress.latest
    if latest is None:
        return progress
    noted = _with_ignored(progress, Ignored.NO_STEP, f"{metric}={latest.value:g}", count=int(latest.step))
    return replace(
        noted, latest=None, best=None, curve=(), mean=Mean(), latest_complete=None, settled=Settled(), excess=0
    )


def _shown(report: Report, metric: str) -> str:
    steps = "".join(f"{name}={step:g} " for name, step in report.steps.items())
    return f"{steps}{metric}={report.values[metric]:g}"


def _ignored_reason(report: Report, reading: Reading, tracking: Tracking) -> tuple[Ignored, str] | None:
    """Return why a report cannot count in full, with what the line has; None where it can."""
    if report.skipped:
        return Ignored.SKIPPED, f"the beginning of a long line: {report.skipped}"
    names = (reading.name,) if reading.name else tracking.step_names
    bad = next((report.bad_steps[name] for name in names if name in report.bad_steps), None)
    if bad is not None and report.steps.keys().isdisjoint(names):
        return Ignored.INVALID_STEP, bad
    for reason, texts in ((Ignored.NOT_A_NUMBER, report.rejected), (Ignored.AMBIGUOUS_NAME, report.ambiguous)):
        if texts:
            return reason, next(iter(texts.values()))
    return None


def _with_ignored(progress: Progress, reason: Ignored, example: str, *, count: int = 1) -> Progress:
    before = progress.ignored.get(reason)
    more = (
        replace(before, count=before.count + count)
        if before is not None
        else IgnoredReports(count, "".join(c if c.isprintable() else " " for c in example)[:MAX_EXAMPLE])
    )
    return replace(progress, ignored={**progress.ignored, reason: more})


def with_skipped_part(progress: Progress) -> Progress:
    """Note that a part of the log was not read."""
    skipped = progress.ignored.get(Ignored.SKIPPED, IgnoredReports(1, "a part of the log"))
    return replace(progress, ignored={**progress.ignored, Ignored.SKIPPED: skipped})
