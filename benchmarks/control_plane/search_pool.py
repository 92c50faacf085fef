"""Measures the waits of healthy experiments for suggestions beside expensive experiments, and the pool's memory."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from time import perf_counter, thread_time

import click
from rich.console import Console
from rich.table import Table

from toprung.api.v1alpha1.algorithms import Algorithm
from toprung.api.v1alpha1.parameters import Parameter
from toprung.errors import SearchFailed
from toprung.search.process_pool import Limits, SearchPool
from toprung.search.types import Evaluation, EvaluationState, Problem

sys.path.append(str(Path(__file__).parents[1]))
from run_record import json_option, write_run

TRIALS = 30
_EVERY = 0.02


def parameters(width: int) -> tuple[Parameter, ...]:
    """Return parameters between 0 and 1."""
    return tuple(Parameter(name=f"p{number}", type="double", min=0, max=1) for number in range(width))


def healthy(algorithm: str) -> Problem:
    """Return the problem of a healthy experiment, with 4 parameters."""
    problem = Problem("healthy", parameters(4), (), Algorithm.model_validate({algorithm: {}}), 1)
    return replace(problem, namespace="team-b")


def expensive(number: int, namespaces: int) -> Problem:
    """Return the problem of an expensive experiment, with 64 parameters."""
    algorithm = Algorithm.model_validate({"tpe": {"startupTrials": 150, "eiCandidates": 4000}})
    problem = Problem(f"expensive-{number}", parameters(64), (), algorithm, number)
    return replace(problem, namespace=f"team-a{number % namespaces}")


async def experiment(pool: SearchPool, problem: Problem, trials: int, batch: int) -> list[float]:
    """Run trials that end at once, `batch` at a time, and return the wait for each batch in seconds."""
    history: dict[int, Evaluation] = {}
    waited = []
    while len(history) < trials:
        first = len(history)
        start = perf_counter()
        answer = await pool.suggest(problem, history, range(first, first + batch))
        waited.append(perf_counter() - start)
        for one in answer.suggestions:
            score = -sum(float(value) for value in one.parameters.values())
            history[one.index] = Evaluation(one.index, one.parameters, EvaluationState.COMPLETE, score)
    return waited


async def endless(pool: SearchPool, problem: Problem) -> None:
    """Request suggestions until cancelled; repeat failed requests."""
    while True:
        try:
            await experiment(pool, problem, 10_000, 50)
        except SearchFailed:
            await asyncio.sleep(0.1)


class Sampler:
    """Samples the memory of the search processes and the longest step of the event loop, in CPU time."""

    def __init__(self) -> None:
        self.mib = 0.0
        self.busy = 0.0

    async def run(self) -> None:
        """Sample until cancelled."""
        while True:
            start = thread_time()
            await asyncio.sleep(0)
            self.busy = max(self.busy, thread_time() - start)
            await asyncio.sleep(_EVERY)
            self.mib = max(self.mib, sum(map(_resident, _children())))


def _children() -> list[Path]:
    own = Path("/proc/self/task")
    pids = [pid for task in own.iterdir() for pid in (task / "children").read_text().split()]
    return [Path("/proc") / pid for pid in pids]


def _resident(process: Path) -> float:
    try:
        return int((process / "statm").read_text().split()[1]) * 4096 / 2**20
    except OSError:
        return 0.0


async def beside(load: Callable[[SearchPool], list[Awaitable[None]]], algorithm: str, wait: float) -> tuple[float, ...]:
    """Return the first and the longest wait in s, the memory in MiB and the longest step of the event loop in s."""
    pool, sampler = SearchPool(Limits()), Sampler()
    await pool.start()
    tasks = [asyncio.ensure_future(one) for one in (*load(pool), sampler.run())]
    await asyncio.sleep(wait if len(tasks) > 1 else 0.0)
    first, *others = await experiment(pool, healthy(algorithm), TRIALS, 1)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await pool.close()
    return first, max(others), sampler.mib, sampler.busy


@click.command()
@click.option(
    "--wait",
    default=30.0,
    show_default=True,
    help="Seconds before the healthy experiment, in which the expensive ones finish their startup trials.",
)
@json_option
def main(wait: float, output: Path | None) -> None:
    """Print a row for each load and each healthy sampler."""
    loads: dict[str, tuple[int, int]] = {
        "none": (0, 1),
        "one": (1, 1),
        "four of one namespace": (4, 1),
        "four of two namespaces": (4, 2),
    }
    columns = ("tpe, 64 parameters, eiCandidates 4000", "healthy", "first ms", "longest ms", "pool MiB", "loop busy ms")
    table = Table(*columns, title=f"Suggestions for {TRIALS} healthy trials")
    rows = []
    for name, (count, namespaces) in loads.items():
        for algorithm in ("random", "tpe"):

            def load(pool: SearchPool, count: int = count, namespaces: int = namespaces) -> list[Awaitable[None]]:
                return [endless(pool, expensive(number, namespaces)) for number in range(count)]

            first, longest, mib, busy = asyncio.run(beside(load, algorithm, wait))
            milliseconds = [f"{1e3 * each:.0f}" for each in (first, longest, busy)]
            rows.append([name, algorithm, *milliseconds[:2], f"{mib:.0f}", milliseconds[2]])
            table.add_row(*rows[-1])
    Console().print(table)
    write_run(output, "search-pool", (), tables={"waits": {"columns": columns, "rows": rows}})


if __name__ == "__main__":
    main()
