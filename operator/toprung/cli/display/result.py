"""Formats the results of a run."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import click
import yaml
from rich.console import Console
from rich.text import Text

from toprung.api.v1alpha1.trial import TrialState
from toprung.cli.display.format import flow, number
from toprung.cli.display.table import COLOURS
from toprung.cli.display.watcher import ExperimentView
from toprung.objects.experiment import ExperimentRecord
from toprung.objects.trial import TrialRecord

Output = Literal["text", "json", "yaml"]
MAX_FAILURES = 3
"""Causes of failures that are printed. Further ones are counted."""


def print_results(views: Sequence[ExperimentView], output: Output, picture: Path | None, console: Console) -> None:
    """Print the results to stdout, and plot each Experiment if `picture` is a path."""
    results = [result(view) for view in views]
    if output == "json":
        click.echo(json.dumps(results, indent=2))
    elif output == "yaml":
        click.echo(yaml.safe_dump(results, sort_keys=False), nl=False)
    else:
        for view in views:
            console.print(*summary(view), sep="\n", soft_wrap=True)
    if picture is not None:
        _draw(views, picture, console)


def result(view: ExperimentView) -> dict[str, Any]:
    """Return the result of an Experiment as JSON."""
    experiment, status = view.experiment, view.status
    names = ("state", "startTime", "completionTime", "trials", "best", "accelerators")
    return {
        "namespace": experiment.namespace,
        "name": experiment.name,
        **{name: status.get(name) for name in names},
        **{name: status[name] for name in ("paretoFront", "paretoFrontSize") if name in status},
        "message": _message(view),
    }


def summary(view: ExperimentView) -> Iterator[Text]:
    """Yield lines with the state of an Experiment, its best trial, the Pareto front and the failures."""
    yield Text.assemble((f"{view.experiment.name} {view.state}", f"bold {COLOURS[view.state]}"), f": {_message(view)}")
    if best := view.status.get("best"):
        metric = (
            view.experiment.spec.primary_objective.metric if isinstance(view.experiment, ExperimentRecord) else "value"
        )
        yield Text(f"best trial: {best['trial']}, {metric} {number(best['value'])} at step {best['step']}")
        yield Text(f"parameters: {flow(best['parameters'])}")
    yield from _front(view.status.get("paretoFront") or (), view.status.get("paretoFrontSize", 0))
    yield from _failures(view.trials)
    if view.state == "Failed":
        yield Text("Fix the cause, then run the same command with --fresh.", "dim")


def _failures(trials: Sequence[TrialRecord]) -> Iterator[Text]:
    """Yield a line for each cause: a typo in the command fails all trials with the same message."""
    causes: dict[str, list[str]] = {}
    for trial in trials:
        if trial.state is TrialState.FAILED:
            causes.setdefault(trial.message, []).append(trial.name)
    for message, names in list(causes.items())[:MAX_FAILURES]:
        others = f" and {len(names) - 1} more" if len(names) > 1 else ""
        yield Text.assemble((f"{names[0]}{others} failed: ", "red"), message)
    if rest := sum(len(names) for names in list(causes.values())[MAX_FAILURES:]):
        yield Text(f"{rest} more failed")


def _front(members: Sequence[Mapping[str, Any]], size: int) -> Iterator[Text]:
    """Yield a line for each member of the Pareto front, with its values and parameters."""
    if members:
        trials = "1 trial" if size == 1 else f"{size} trials"
        listed = f", {len(members)} listed" if size > len(members) else ""
        yield Text(f"Pareto front, {trials}{listed}:")
    for member in members:
        values = ", ".join(f"{metric} {number(value)}" for metric, value in member["values"].items())
        yield Text(f"  {member['trial']}: {values}, {flow(member['parameters'])}")


def _message(view: ExperimentView) -> str:
    end_messages = (c.message for c in view.experiment.conditions if str(c.type) == view.state and c.status)
    error_messages = (c.message for c in view.experiment.conditions if c.type == "Valid" and not c.status)
    return next(end_messages, None) or next(error_messages, "")


def _draw(views: Sequence[ExperimentView], picture: Path, console: Console) -> None:
    from toprung.cli.plots.experiment import draw_view  # noqa: PLC0415 - matplotlib is imported on demand: it takes half a second

    for view in views:
        path = picture if len(views) == 1 else picture.with_stem(f"{picture.stem}-{view.experiment.name}")
        draw_view(view, path)
        console.print(f"plot: {path}", markup=False, soft_wrap=True)
