"""What is printed when a run is over."""

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
MOST_FAILURES = 3
"""Causes of failures that are told; the rest is counted."""


def print_results(scenes: Sequence[ExperimentView], output: Output, picture: Path | None, console: Console) -> None:
    """Print the results to stdout, and draw the picture of each where one is wanted."""
    results = [result(scene) for scene in scenes]
    if output == "json":
        click.echo(json.dumps(results, indent=2))
    elif output == "yaml":
        click.echo(yaml.safe_dump(results, sort_keys=False), nl=False)
    else:
        for scene in scenes:
            console.print(*summary(scene), sep="\n", soft_wrap=True)
    if picture is not None:
        _draw(scenes, picture, console)


def result(scene: ExperimentView) -> dict[str, Any]:
    """Give the outcome of an experiment as JSON."""
    experiment, status = scene.experiment, scene.status
    names = ("state", "startTime", "completionTime", "trials", "best", "accelerators")
    return {
        "namespace": experiment.namespace,
        "name": experiment.name,
        **{name: status.get(name) for name in names},
        **{name: status[name] for name in ("paretoFront", "paretoFrontSize") if name in status},
        "message": _message(scene),
    }


def summary(scene: ExperimentView) -> Iterator[Text]:
    """Say how it ended and which trial is the best, with its configuration ready to copy."""
    yield Text.assemble(
        (f"{scene.experiment.name} {scene.state}", f"bold {COLOURS[scene.state]}"), f": {_message(scene)}"
    )
    if best := scene.status.get("best"):
        metric = (
            scene.experiment.spec.primary_objective.metric
            if isinstance(scene.experiment, ExperimentRecord)
            else "value"
        )
        yield Text(f"best trial: {best['trial']}, {metric} {number(best['value'])} at step {best['step']}")
        yield Text(f"parameters: {flow(best['parameters'])}")
    yield from _front(scene.status.get("paretoFront") or (), scene.status.get("paretoFrontSize", 0))
    yield from _failures(scene.trials)
    if scene.state == "Failed":
        yield Text("When the cause is mended: the same command with --fresh starts anew.", "dim")


def _failures(trials: Sequence[TrialRecord]) -> Iterator[Text]:
    """Say each cause once: a typo in the command fails every trial in the same words."""
    causes: dict[str, list[str]] = {}
    for trial in trials:
        if trial.state is TrialState.FAILED:
            causes.setdefault(trial.message, []).append(trial.name)
    for message, names in list(causes.items())[:MOST_FAILURES]:
        others = f" and {len(names) - 1} more" if len(names) > 1 else ""
        yield Text.assemble((f"{names[0]}{others} failed: ", "red"), message)
    if rest := sum(len(names) for names in list(causes.values())[MOST_FAILURES:]):
        yield Text(f"{rest} more failed")


def _front(members: Sequence[Mapping[str, Any]], size: int) -> Iterator[Text]:
    """Say of each trial of the Pareto front what it reaches, and with what."""
    if members:
        some = f", {len(members)} of them" if size > len(members) else ""
        yield Text(f"Pareto front, {size} trials{some}:" if size > 1 else "Pareto front, 1 trial:")
    for member in members:
        values = ", ".join(f"{metric} {number(value)}" for metric, value in member["values"].items())
        yield Text(f"  {member['trial']}: {values}, {flow(member['parameters'])}")


def _message(scene: ExperimentView) -> str:
    ends = (c.message for c in scene.experiment.conditions if str(c.type) == scene.state and c.status)
    faults = (c.message for c in scene.experiment.conditions if c.type == "Valid" and not c.status)
    return next(ends, None) or next(faults, "")


def _draw(scenes: Sequence[ExperimentView], picture: Path, console: Console) -> None:
    from toprung.cli.plots.experiment import draw_scene  # noqa: PLC0415 - half a second, for those who want it

    for scene in scenes:
        path = picture if len(scenes) == 1 else picture.with_stem(f"{picture.stem}-{scene.experiment.name}")
        draw_scene(scene, path)
        console.print(f"picture: {path}", markup=False, soft_wrap=True)
