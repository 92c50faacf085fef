"""The step of each report: which of a program's reports belong to one step, and which to the next.

A report with a higher step than the last one is the next step. Every other report is still counted:

- One with the same step is the newest value of that step.
- A program that begins its steps again, at its first one or below, or with a later epoch (there also at the same step),
  continues: its steps are added to those before.
- Where the steps fall with each report (a program that counts down), each is the next step, and is noted.
- One that goes back to any other step (a resumed worker, a summary) is the newest value of the latest step.
- A line with a step of another name only is the next step.
- While no line has had a step, lines with the objective are counted from 1. Once one has, lines without a step do not
  count: neither later ones, which may be a summary, nor those before, which are removed by :func:`begins_steps`.

A resumed attempt continues the trial's steps; those that it repeats do not count again.
"""

from collections.abc import Sequence
from dataclasses import replace

from toprung.metrics.types import EPOCH, Reading, Report, whole


def next_step(
    reading: Reading, report: Report, latest: float | None, names: Sequence[str]
) -> tuple[Reading, float | None]:
    """Return the step of a report with the objective that :func:`lacks_step` lets pass; None where a resumed attempt
    repeats a step.

    Args:
        reading: how the attempt's steps were counted so far.
        report: has the objective's metric.
        latest: the trial's latest step, None before the first report.
        names: of the step, the preferred one first.
    """
    name = reading.name or _first(report, names)
    if not name:
        return reading, (latest or 0) + 1
    if not reading.name:
        reading = replace(reading, name=name, first=report.steps[name])
    if name not in report.steps:
        following = int(latest or 0) + 1
        return replace(reading, counted=float(following)), following
    reading = _advanced(reading, report, latest)
    step = whole(reading.offset + reading.last)
    if reading.base is not None and step <= reading.base:
        return reading, None
    return reading, step if latest is None else max(step, latest)


def lacks_step(reading: Reading, report: Report) -> bool:
    """Return whether a report has no step, though reports of the objective before it have."""
    return not report.steps and bool(reading.name or reading.stepped)


def begins_steps(reading: Reading, report: Report, names: Sequence[str]) -> bool:
    """Return whether a report has the first step of all reports, so that lines counted before it have none."""
    return not reading.name and reading.base is None and bool(_first(report, names))


def step_of_extras(reading: Reading, report: Report, latest: float | None, names: Sequence[str]) -> float | None:
    """Return the step of a report without the objective; None where its line has none that can be compared."""
    raw = report.steps.get(reading.name or _first(report, names))
    if raw is None:
        return None
    begins_again = bool(reading.name) and _begins_again(reading, raw, report.steps.get(EPOCH))
    return whole(_offset(reading, report, raw, latest) + raw if begins_again else reading.offset + raw)


def _first(report: Report, names: Sequence[str]) -> str:
    return next((name for name in names if name in report.steps), "")


def _advanced(reading: Reading, report: Report, latest: float | None) -> Reading:
    raw, epoch = report.steps[reading.name], report.steps.get(EPOCH)
    if _begins_again(reading, raw, epoch):
        return replace(reading, offset=_offset(reading, report, raw, latest), first=raw, last=raw, epoch=epoch)
    if raw > reading.last and reading.offset + raw <= reading.counted:  # the counted line keeps its step
        return replace(reading, offset=reading.counted + 1 - raw, last=raw, epoch=epoch)
    return reading if (reading.last, reading.epoch) == (raw, epoch) else replace(reading, last=raw, epoch=epoch)


def _begins_again(reading: Reading, raw: float, epoch: float | None) -> bool:
    later_epoch = epoch is not None and reading.epoch is not None and epoch > reading.epoch
    if raw < reading.last and raw <= reading.first:
        return True
    return later_epoch and raw <= reading.last and reading.name != EPOCH


def counts_down(reading: Reading, report: Report) -> bool:
    """Return whether a report has a lower step than the one before, though the steps have not risen since the first."""
    raw, epoch = report.steps.get(reading.name), report.steps.get(EPOCH)
    if raw is None or raw >= reading.last or reading.last > reading.first:
        return False
    return epoch is None or reading.epoch is None or epoch <= reading.epoch


def _offset(reading: Reading, report: Report, raw: float, latest: float | None) -> float:
    """Return what is added to the steps of a program that begins again at `raw`, so that it is above the latest."""
    if counts_down(reading, report):
        return (latest or 0.0) + 1.0 - raw
    return (latest or 0.0) + (0.0 if raw > 0 else 1.0)
