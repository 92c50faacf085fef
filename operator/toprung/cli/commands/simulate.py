"""`toprung simulate`: runs an Experiment in virtual time over recorded learning curves."""

import gzip
import json
from dataclasses import dataclass
from io import TextIOWrapper
from pathlib import Path
from statistics import fmean, pstdev
from time import perf_counter
from typing import Any, Literal

import click
from rich.console import Console
from rich.progress import track
from rich.table import Table as Grid

from toprung.api.loader import KIND, load_experiment
from toprung.api.v1alpha1.experiment import ExperimentSpec
from toprung.api.v1alpha1.trial import TrialState
from toprung.cli.commands.options import output_option, picture_option
from toprung.cli.display.format import number
from toprung.cli.files.manifests import read_manifests
from toprung.errors import TopRungError
from toprung.simulate.configuration_source import Nearest
from toprung.simulate.learning_curves import InvalidTable, Table, read_table
from toprung.simulate.simulation import Run, Simulation, refuse_unrecorded


@dataclass(frozen=True, slots=True)
class Seeded:
    """A run and the seed that reproduces it."""

    seed: int
    run: Run


@click.command("simulate")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True))
@click.option(
    "--table",
    "curves",
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Recorded learning curves as CSV, or as gzip-compressed CSV (.gz).",
)
@click.option("--workers", type=click.IntRange(1, 10000), help="Concurrent trials, instead of parallelTrialCount.")
@click.option("--seeds", type=click.IntRange(min=1), default=1, help="Number of runs, each with a different seed.")
@click.option(
    "--start-cost",
    type=click.FloatRange(min=0),
    default=0.0,
    help="Seconds from the creation of a Pod to its first step.",
)
@output_option
@picture_option("the incumbent over time, with mean and standard deviation over the seeds")
def simulate_command(  # noqa: PLR0917 - click passes them by name
    file: str,
    curves: Path,
    workers: int | None,
    seeds: int,
    start_cost: float,
    output: Literal["text", "json"],
    picture: Path | None,
) -> None:
    """Simulate the Experiment in FILE in virtual time.

    The simulation uses the operator's planner, search and early stopping. A table replaces the training. It has one
    row for each step, with the columns configuration, step (1, 2, ...), seconds, the objective's metric and every
    parameter. Each suggestion becomes the nearest recorded configuration that no trial has used. The same seed
    yields the same run. Seeds count up from algorithm.seed, or from 0.
    """
    spec = _spec(file, workers)
    table = _table(curves, spec)
    first, begun = spec.algorithm.seed or 0, perf_counter()
    runs = [
        Seeded(seed, Simulation(spec, table, Nearest(spec, table, seed), seed, start_cost).run())
        for seed in track(range(first, first + seeds), "runs", transient=True, console=Console(stderr=True))
    ]
    if output == "json":
        click.echo(json.dumps({"table": {"best": _best(spec, table)}, "runs": [_as_json(each) for each in runs]}))
    else:
        Console().print(_grid(spec, table, runs, perf_counter() - begun))
    if picture is not None:
        from toprung.cli.plots.simulation import draw_runs  # noqa: PLC0415 - matplotlib is imported on demand

        draw_runs([each.run for each in runs], spec, _best(spec, table), picture)


def _spec(file: str, workers: int | None) -> ExperimentSpec:
    """Return the spec of the only Experiment in a file.

    Raises:
        TopRungError: the file has no or several Experiments, or one that cannot be simulated from a table.
    """
    found = [each for each in read_manifests(file) if each["kind"] == KIND]
    if len(found) != 1:
        raise TopRungError(f"{file} has {len(found)} Experiments. Write exactly one.")
    spec = load_experiment(found[0]).spec
    refuse_unrecorded(spec)
    return spec if workers is None else spec.model_copy(update={"parallel_trial_count": workers})


def _table(path: Path, spec: ExperimentSpec) -> Table:
    try:
        with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as lines:
            assert isinstance(lines, TextIOWrapper)  # noqa: S101 - the type of gzip.open ignores the mode "rt"
            return read_table(lines, spec)
    except InvalidTable as error:
        raise InvalidTable(f"{path}: {error}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidTable(f"{path} cannot be read: {error}") from error


def _best(spec: ExperimentSpec, table: Table) -> float:
    return table.best(maximize=spec.primary_objective.type == "maximize")


def _as_json(each: Seeded) -> dict[str, Any]:
    run = each.run
    return {
        "seed": each.seed,
        "seconds": run.seconds,
        "steps": run.steps,
        "starts": run.starts,
        "reason": run.reason,
        "incumbents": [{"seconds": seconds, "value": value} for seconds, value in run.incumbents],
        "trials": [
            {
                "index": trial.index,
                "row": run.rows[trial.index],
                "state": str(trial.state),
                "step": trial.progress.latest.step if trial.progress.latest is not None else 0,
                "rungs": [{"resource": rung.resource, "verdict": str(rung.verdict)} for rung in trial.rungs],
            }
            for trial in run.trials
        ],
    }


def _grid(spec: ExperimentSpec, table: Table, runs: list[Seeded], took: float) -> Grid:
    grid = Grid(
        "seed",
        "trials",
        "complete",
        "steps",
        f"best {spec.primary_objective.metric}",
        "found at",
        "total",
        "end reason",
    )
    for each in runs:
        run = each.run
        after, best = run.incumbents[-1] if run.incumbents else (None, None)
        complete = sum(trial.state is TrialState.SUCCEEDED for trial in run.trials)
        cells = (each.seed, len(run.trials), complete, run.steps, number(best), _seconds(after), _seconds(run.seconds))
        grid.add_row(*map(str, cells), run.reason)
    values = [each.run.incumbents[-1][1] for each in runs if each.run.incumbents]
    if len(values) > 1:
        spread = f"{number(fmean(values))} ± {number(pstdev(values))}"
        total = fmean(each.run.seconds for each in runs)
        grid.add_section()
        grid.add_row("mean", "", "", "", spread, "", _seconds(total), "")
    trials = sum(len(each.run.trials) for each in runs)
    speed = f"{trials} trials simulated in {took:.1f}s, {trials / took:.0f} per second"
    grid.caption = (
        f"best value of the table: {number(_best(spec, table))}, of {len(table.curves)} configurations; {speed}"
    )
    return grid


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}s"
