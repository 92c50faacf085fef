"""Rules that look at one trial alone: patience and threshold.

Trials are not compared, so there are no rungs: the reports of the trial decide. Such a verdict is sticky, because a
stopped trial reports nothing more.
"""

from math import inf, isfinite
from typing import Protocol

from toprung.api.v1alpha1.early_stopping import EarlyStopping, PatienceSettings, ThresholdSettings
from toprung.early_stopping.types import Decision, Verdict


class Point(Protocol):
    """One report of the objective."""

    @property
    def step(self) -> float:
        """Return the resource consumed."""
        ...

    @property
    def value(self) -> float:
        """Return the value as reported; may be NaN or infinite."""
        ...


class Reports(Protocol):
    """The reports of a trial; :class:`toprung.metrics.types.Progress` implements it."""

    @property
    def latest(self) -> Point | None:
        """Return the last report."""
        ...

    @property
    def best(self) -> Point | None:
        """Return the best finite report, the first of equals."""
        ...

    @property
    def curve(self) -> tuple[tuple[float, float], ...]:
        """Return (step, value) of some reports, ascending, the first included."""
        ...


def individual_stop(early_stopping: EarlyStopping | None, reports: Reports, *, maximize: bool) -> Verdict | None:
    """Return the verdict to stop a trial because of its own reports; None if it continues.

    The message is about the trial's best value, or its latest if none is finite. A pure function of its arguments.

    Args:
        early_stopping: of the experiment.
        reports: of the trial, over all its attempts.
        maximize: the objective's direction.
    """
    if early_stopping is None or reports.latest is None:
        return None
    sign = 1 if maximize else -1
    patience, threshold = early_stopping.patience, early_stopping.threshold
    if threshold is not None and (stop := _below(threshold, reports, sign)) is not None:
        return stop
    return _no_better(patience, reports, sign) if patience is not None else None


def _below(threshold: ThresholdSettings, reports: Reports, sign: int) -> Verdict | None:
    latest, best = reports.latest, reports.best
    if latest is None or latest.step < threshold.step:
        return None
    if best is not None and sign * best.value >= sign * threshold.value:
        return None
    return Verdict(Decision.STOP, f"worse than the threshold {threshold.value:g} at step {threshold.step} or later")


def _no_better(patience: PatienceSettings, reports: Reports, sign: int) -> Verdict | None:
    """Compare the best with that of `steps` ago. A thinned curve stops a trial later, never earlier."""
    latest, best = reports.latest, reports.best
    if latest is None:
        return None
    then = latest.step - patience.steps
    if not reports.curve or reports.curve[0][0] > then:
        return None
    if best is not None and best.step > then:
        before = max((sign * v for step, v in reports.curve if step <= then and isfinite(v)), default=-inf)
        if sign * best.value - before > patience.min_delta:
            return None
    of = f" of more than {patience.min_delta:g}" if patience.min_delta else ""
    return Verdict(Decision.STOP, f"no improvement{of} in the {patience.steps} steps before step {latest.step}")
