"""The step of each report: which of a program's reports belong to one step, and which to the next.

A report with a higher step than the last one is the next step. Every other report is still counted:

- One with the same step is the newest value of that step.
- A program that begins its steps again, at its first one or below, or with a later epoch (there also at the same step),
  continues: its steps are added to those before. Below a repeated header, the first step may also be the last one.
- Where the steps fall with each report (a program that counts down), each is the next step, and is noted.
- One that goes back to any other step (a resumed worker, a summary) is the newest value of the latest step.
- A line with a step of another name only is the next step.
- While no line has had a step, lines with the objective are counted from 1. Once one has, lines without a step do not
  count: neither later ones, which may be a summary, nor those before, which are removed by :func:`has_first_step`.

A resumed attempt continues the trial's steps; those that it repeats do not count again.
"""

from collections.abc import Sequence
from dataclasses import replace

from toprung.metrics.types import EPOCH, Reading, Report, integral


def next_step(
    reading: Reading, report: Report, latest: float | None, names: Sequence[str]
) -> tuple[Reading, float | None]:
    """Return the step of a report that has the objective and a step; None if a resumed attempt repeats a step.

    Args:
        reading: how the attempt's steps were counted so far.
        report: has the objective's metric.
        latest: the trial's latest step, None before the first report.
        names: of the step, the preferred one first.
    """
    name = reading.name or _step_name(report, names)
    if not name:
        return reading, (latest or 0) + 1
    if not reading.name:
        reading = replace(reading, name=name, first=report.steps[name])
    if name not in report.steps:
        following = int(latest or 0) + 1
        return replace(reading, counted=float(following)), following
    reading = _advance(reading, report, latest)
    step = integral(reading.offset + reading.last)
    if reading.base is not None and step <= reading.base:
        return reading, None
    return reading, step if latest is None else max(step, latest)


def has_no_step(reading: Reading, report: Report) -> bool:
    """Return whether a report has no step, though reports of the objective before it have."""
    return not report.steps and bool(reading.name or reading.stepped)


def has_first_step(reading: Reading, report: Report, names: Sequence[str]) -> bool:
    """Return whether a report has the first step of all reports, so that lines counted before it have none."""
    return not reading.name and reading.base is None and bool(_step_name(report, names))


def step_of_extras(reading: Reading, report: Report, latest: float | None, names: Sequence[str]) -> float | None:
    """Return the step of a report without the objective; None where its line has none that can be compared."""
    reported = report.steps.get(reading.name or _step_name(report, names))
    if reported is None:
        return None
    restarts = bool(reading.name) and _restarts(reading, report, reported)
    return integral(_offset(reading, report, reported, latest) + reported if restarts else reading.offset + reported)


def _step_name(report: Report, names: Sequence[str]) -> str:
    return next((name for name in names if name in report.steps), "")


def _advance(reading: Reading, report: Report, latest: float | None) -> Reading:
    reported, epoch = report.steps[reading.name], report.steps.get(EPOCH)
    if _restarts(reading, report, reported):
        return replace(
            reading, offset=_offset(reading, report, reported, latest), first=reported, last=reported, epoch=epoch
        )
    if reported > reading.last and reading.offset + reported <= reading.counted:  # the counted line keeps its step
        return replace(reading, offset=reading.counted + 1 - reported, last=reported, epoch=epoch)
    return (
        reading if (reading.last, reading.epoch) == (reported, epoch) else replace(reading, last=reported, epoch=epoch)
    )


def _restarts(reading: Reading, report: Report, reported: float) -> bool:
    epoch = report.steps.get(EPOCH)
    later_epoch = epoch is not None and reading.epoch is not None and epoch > reading.epoch
    if reported <= reading.first and (reported < reading.last or report.restarts):
        return True
    return later_epoch and reported <= reading.last and reading.name != EPOCH


def counts_down(reading: Reading, report: Report) -> bool:
    """Return whether a report has a lower step than the one before, though the steps have not risen since the first."""
    reported, epoch = report.steps.get(reading.name), report.steps.get(EPOCH)
    if reported is None or reported >= reading.last or reading.last > reading.first:
        return False
    return epoch is None or reading.epoch is None or epoch <= reading.epoch


def _offset(reading: Reading, report: Report, reported: float, latest: float | None) -> float:
    """Return the offset for a program that restarts its steps at `reported`, so that they are above the latest step."""
    if counts_down(reading, report):
        return (latest or 0.0) + 1.0 - reported
    return (latest or 0.0) + (0.0 if reported > 0 else 1.0)
