"""The live table: a scene and the time in, something that rich draws out. Pure."""

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
from toprung.cli.display.format import configuration, duration, number
from toprung.cli.display.log_lines import with_remedy
from toprung.cli.display.watcher import ExperimentView
from toprung.cli.plots.curves import any_time_curve, levels, longest, reached, resource_name
from toprung.controller.experiment_cache import InvalidRecord
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
MOST_TRIALS = 16
"""Running trials that are shown; the rest is counted."""
_SPARKS = "▁▂▃▄▅▆▇█"


def live_view(scenes: Sequence[ExperimentView], now: datetime) -> RenderableType:
    """Draw each experiment in a panel of its own."""
    return Group(*(_panel(scene, now) for scene in scenes))


def _panel(scene: ExperimentView, now: datetime) -> Panel:
    experiment = scene.experiment
    body = _fault(experiment) if isinstance(experiment, InvalidRecord) else Group(*_parts(scene, experiment))
    return Panel(
        body, title=_title(scene, now), title_align="left", box=box.ROUNDED, border_style="dim", padding=(0, 1)
    )


def _title(scene: ExperimentView, now: datetime) -> Text:
    experiment = scene.experiment
    title = Text.assemble((experiment.name, "bold"), " ", (scene.state, f"bold {COLOURS[scene.state]}"))
    if isinstance(experiment, ExperimentRecord):
        if experiment.start_time is not None:
            title.append(f" · {duration((experiment.completion_time or now) - experiment.start_time)}")
        title.append(f" · {_method(experiment.spec)}", "dim")
    return title


def _method(spec: ExperimentSpec) -> str:
    """Name the algorithm and the rule of early stopping, as in tpe + asha."""
    stopping = spec.early_stopping
    return f"{spec.algorithm.name} + {stopping.member or 'single stops'}" if stopping else spec.algorithm.name


def _fault(experiment: InvalidRecord) -> Text:
    return Text(experiment.message, "red")


def _parts(scene: ExperimentView, experiment: ExperimentRecord) -> Iterator[RenderableType]:
    yield _bar(scene.trials, experiment.spec.max_trial_count)
    yield _counts(scene.trials, experiment.spec.max_trial_count)
    if levels(experiment.spec):
        yield _rungs(scene.trials, experiment.spec)
    yield from _best(scene.trials, experiment.spec)
    active = [trial for trial in scene.trials if trial.state is TrialState.RUNNING]
    if active:
        yield Text()
        yield _running(active, experiment.spec)
    yield from _obstacles(experiment)


def bar_cells(counts: Sequence[int], total: int, width: int) -> list[int]:
    """Cut a bar of `width` cells in proportion to `counts` of `total`; the rest of the bar is what is to come.

    Cells are cut at rounded cumulative counts, so they never add up to more than the width.
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
        words.append(Text(f"{total - len(trials)} to come", "dim"))
    return Text(" · ").join(words)


def _rungs(trials: Sequence[TrialRecord], spec: ExperimentSpec) -> Text:
    line = Text("rungs  ", "dim")
    for level in levels(spec):
        line.append(f"{resource_name(spec)} {level}: ", "dim").append(f"{reached(trials, level)}", "bold").append("   ")
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
    line.append(sparkline([value for _, value in any_time_curve(trials, spec.primary_objective)], SPARK_WIDTH), "green")
    yield line
    yield Text("       ").append(configuration(trial.current_parameters))


def sparkline(values: Sequence[float], width: int) -> str:
    """Draw the newest `width` values between their smallest and their largest."""
    values = values[-width:]
    low, high = min(values, default=0.0), max(values, default=0.0)
    span = (high - low) or 1.0
    return "".join(_SPARKS[round((value - low) / span * (len(_SPARKS) - 1))] for value in values)


def _running(trials: Sequence[TrialRecord], spec: ExperimentSpec) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", expand=True)
    for name in ("TRIAL", resource_name(spec).upper(), "VALUE", "BEST", "RUNG"):
        table.add_column(name, no_wrap=True)
    table.add_column("PARAMETERS", no_wrap=True, overflow="ellipsis", ratio=1)
    for trial in trials[:MOST_TRIALS]:
        table.add_row(*_row(trial, longest(spec)))
    if len(trials) > MOST_TRIALS:
        table.add_row(Text(f"and {len(trials) - MOST_TRIALS} more", "dim"))
    return table


def _row(trial: TrialRecord, last: int | None) -> Iterable[RenderableType]:
    latest, best = trial.progress.latest, trial.progress.best
    yield trial.name + (f" (attempt {trial.attempt})" if trial.attempt > 1 else "")
    yield _steps(latest.step if latest else 0, last)
    yield number(latest.value if latest else None)
    yield number(best.value if best else None)
    yield number(max((rung.resource for rung in trial.rungs), default=None))
    yield Text(configuration(trial.current_parameters), "dim")


def _steps(step: float, last: int | None) -> Text:
    """Draw how far a trial is; without a rule nobody knows how far it will go."""
    if last is None:
        return Text(str(step))
    done = min(STEP_BAR_WIDTH, round(step / last * STEP_BAR_WIDTH))
    bar = Text("━" * done, COLOURS["Running"]).append("─" * (STEP_BAR_WIDTH - done), "bright_black")
    return bar.append(f" {step}/{last}")


def _obstacles(experiment: ExperimentRecord) -> Iterator[Text]:
    """Say what is in the way, in the words of who knows."""
    for condition in experiment.conditions:
        blocked = condition.type in (ConditionType.BLOCKED, ConditionType.FAILED) and condition.status
        if blocked or (condition.type is ConditionType.SUSPENDED and condition.status):
            colour = COLOURS[condition.type]
            yield Text.assemble((f"{condition.type} ", f"bold {colour}"), (f"{condition.reason}: ", colour))
            yield Text(textwrap.indent(with_remedy(condition), "  "))
