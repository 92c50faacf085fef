"""Renders Experiments as a live table for rich. Pure."""

import textwrap
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from rich import box
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from toprung.api.v1alpha1.conditions import ConditionType
from toprung.api.v1alpha1.experiment import ExperimentSpec
from toprung.api.v1alpha1.trial import TrialState
from toprung.cli.display.curves import incumbent_curve, last_step, resource_name, rung_levels_of, trials_at_rung
from toprung.cli.display.format import duration, number
from toprung.cli.display.log_lines import with_remedy
from toprung.cli.display.watcher import ExperimentView
from toprung.controller.experiment_cache import InvalidRecord
from toprung.objects.configuration import format_configuration
from toprung.objects.experiment import ExperimentRecord
from toprung.objects.trial import TrialRecord
from toprung.planning.scoring import incumbent

COLOURS = {
    "Succeeded": "green",
    "Stopped": "cyan",
    "Failed": "red",
    "Running": "yellow",
    "Paused": "magenta",
    "Pending": "bright_black",
    "Suspended": "magenta",
    "Blocked": "red",
    "Invalid": "red",
}
ENDED = (TrialState.SUCCEEDED, TrialState.STOPPED, TrialState.FAILED)
BAR_WIDTH = 48
STEP_BAR_WIDTH = 12
SPARK_WIDTH = 24
MAX_TRIALS = 16
"""Running trials that are listed. Further ones are counted."""
_SPARKS = "▁▂▃▄▅▆▇█"


def live_view(views: Sequence[ExperimentView], now: datetime) -> RenderableType:
    """Render one panel for each Experiment."""
    return Group(*(_panel(view, now) for view in views))


def _panel(view: ExperimentView, now: datetime) -> Panel:
    experiment = view.experiment
    body = _invalid(experiment) if isinstance(experiment, InvalidRecord) else Group(*_parts(view, experiment))
    return Panel(body, title=_title(view, now), title_align="left", box=box.ROUNDED, border_style="dim", padding=(0, 1))


def _title(view: ExperimentView, now: datetime) -> Text:
    experiment = view.experiment
    title = Text.assemble((experiment.name, "bold"), " ", (view.state, f"bold {COLOURS[view.state]}"))
    if isinstance(experiment, ExperimentRecord):
        if experiment.start_time is not None:
            title.append(f" · {duration((experiment.completion_time or now) - experiment.start_time)}")
        title.append(f" · {_method(experiment.spec)}", "dim")
    return title


def _method(spec: ExperimentSpec) -> str:
    """Return the names of the algorithm and of the early-stopping rule, such as tpe + asha."""
    stopping = spec.early_stopping
    return f"{spec.algorithm.name} + {stopping.member or 'per-trial rules'}" if stopping else spec.algorithm.name


def _invalid(experiment: InvalidRecord) -> Text:
    return Text(experiment.message, "red")


def _parts(view: ExperimentView, experiment: ExperimentRecord) -> Iterator[RenderableType]:
    yield _bar(view.trials, experiment.spec.max_trial_count)
    yield _counts(view.trials, experiment.spec.max_trial_count)
    if rung_levels_of(experiment.spec):
        yield _rungs(view.trials, experiment.spec)
    yield from _best(view.trials, experiment.spec)
    active = [trial for trial in view.trials if trial.state is TrialState.RUNNING]
    if active:
        yield Text()
        yield _running(active, experiment.spec)
    yield from _blocking_conditions(experiment)


def bar_cells(counts: Sequence[int], total: int, width: int) -> list[int]:
    """Return the lengths of the segments of a bar of `width` cells, in proportion to `counts` of `total`.

    The segments end at rounded cumulative counts, so their sum never exceeds the width.
    """
    edges = [round(sum(counts[: i + 1]) / total * width) for i in range(len(counts))] if total else [0] * len(counts)
    return [edge - before for before, edge in zip([0, *edges], edges, strict=False)]


def _bar(trials: Sequence[TrialRecord], total: int) -> Text:
    counts = [sum(trial.state is state for trial in trials) for state in ENDED]
    total = max(total, sum(counts))
    cells = bar_cells(counts, total, BAR_WIDTH)
    bar = Text.assemble(*(("█" * count, COLOURS[state]) for count, state in zip(cells, ENDED, strict=True)))
    bar.append("░" * (BAR_WIDTH - sum(cells)), "bright_black")
    return bar.append(f"  {sum(counts)}/{total}", "bold").append(" trials")


def _counts(trials: Sequence[TrialRecord], total: int) -> Text:
    states = [TrialState.RUNNING, TrialState.PENDING, TrialState.PAUSED, *ENDED]
    counts = [(state, sum(trial.state is state for trial in trials)) for state in states]
    words = [Text(f"{count} {state.lower()}", COLOURS[state]) for state, count in counts if count]
    if total > len(trials):
        words.append(Text(f"{total - len(trials)} not created", "dim"))
    return Text(" · ").join(words)


def _rungs(trials: Sequence[TrialRecord], spec: ExperimentSpec) -> Text:
    line = Text("rungs  ", "dim")
    for level in rung_levels_of(spec):
        line.append(f"{resource_name(spec)} {level}: ", "dim").append(
            f"{trials_at_rung(trials, level)}", "bold"
        ).append("   ")
    return line


def _best(trials: Sequence[TrialRecord], spec: ExperimentSpec) -> Iterator[Text]:
    best = incumbent(trials, spec.primary_objective)
    if best is None:
        return
    trial, observation = best
    line = Text.assemble(
        ("best   ", "dim"), (f"{spec.primary_objective.metric} {number(observation.value)}", "bold green")
    )
    line.append(f"  {trial.name}").append(f"  {resource_name(spec)} {observation.step}  ", "dim")
    line.append(
        sparkline([value for _, value in incumbent_curve(trials, spec.primary_objective)], SPARK_WIDTH), "green"
    )
    yield line
    yield Text("       ").append(format_configuration(trial.current_parameters))


def sparkline(values: Sequence[float], width: int) -> str:
    """Draw the last `width` values, scaled to their range."""
    values = values[-width:]
    low, high = min(values, default=0.0), max(values, default=0.0)
    span = (high - low) or 1.0
    return "".join(_SPARKS[round((value - low) / span * (len(_SPARKS) - 1))] for value in values)


def _running(trials: Sequence[TrialRecord], spec: ExperimentSpec) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", expand=True)
    for name in ("TRIAL", resource_name(spec).upper(), "VALUE", "BEST", "RUNG"):
        table.add_column(name, no_wrap=True)
    table.add_column("PARAMETERS", no_wrap=True, overflow="ellipsis", ratio=1)
    for trial in trials[:MAX_TRIALS]:
        table.add_row(*_row(trial, last_step(spec)))
    if len(trials) > MAX_TRIALS:
        table.add_row(Text(f"and {len(trials) - MAX_TRIALS} more", "dim"))
    return table


def _row(trial: TrialRecord, last: int | None) -> Iterable[RenderableType]:
    latest, best = trial.progress.latest, trial.progress.best
    yield trial.name + (f" (attempt {trial.attempt})" if trial.attempt > 1 else "")
    yield _steps(latest.step if latest else 0, last)
    yield number(latest.value if latest else None)
    yield number(best.value if best else None)
    yield number(max((rung.resource for rung in trial.rungs), default=None))
    yield Text(format_configuration(trial.current_parameters), "dim")


def _steps(step: float, last: int | None) -> Text:
    """Draw the step of a trial as a bar up to the last step; only the step if the last one is unknown."""
    if last is None:
        return Text(str(step))
    done = min(STEP_BAR_WIDTH, round(step / last * STEP_BAR_WIDTH))
    bar = Text("━" * done, COLOURS["Running"]).append("─" * (STEP_BAR_WIDTH - done), "bright_black")
    return bar.append(f" {step}/{last}")


def _blocking_conditions(experiment: ExperimentRecord) -> Iterator[Text]:
    """Yield the conditions that stop progress, with their messages."""
    for condition in experiment.conditions:
        blocked = condition.type in (ConditionType.BLOCKED, ConditionType.FAILED) and condition.status
        if blocked or (condition.type is ConditionType.SUSPENDED and condition.status):
            colour = COLOURS[condition.type]
            yield Text.assemble((f"{condition.type} ", f"bold {colour}"), (f"{condition.reason}: ", colour))
            yield Text(textwrap.indent(with_remedy(condition), "  "))
