"""Measure a healthy Experiment of one namespace next to noisy workloads of another (workloads.py).

Each workload gets an operator process of its own, and on the embedded cluster a cluster process of its own. The healthy
Experiment runs several times; the worst run counts. It is compared with undisturbed runs of the same session. With
KUBECONFIG set, the operator serves that cluster, with `--image` (sh, nice and python3 must be in it; a noisy program
that cannot start ends the measurement).
"""

import asyncio
import json
import os
import statistics
import sys
import time
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import click
from cluster import NOTES
from disturbances import Ground, disturb, namespaces, write_history
from processes import PATIENCE, cluster, operator
from rich.console import Console
from rich.table import Table
from workloads import NEIGHBOURS, Disturbance, Neighbour, Object, experiment

from toprung.kube.resources import EXPERIMENTS, PODS

sys.path.append(str(Path(__file__).parents[1]))
from run_record import json_option, machine, write_run

FIRST_POD, END_DELAY, LOOP_BLOCK, MEMORY = 1.0, 2.0, 0.050, 300.0
"""Limits: seconds, seconds, seconds, MiB."""
LIMITS = {"first_pod": FIRST_POD, "end_delay": END_DELAY, "loop_block": LOOP_BLOCK, "memory": MEMORY}
QUIET = Neighbour("nothing else", list)


@dataclass(frozen=True, slots=True)
class Figures:
    """Figures next to one workload, in seconds and MiB; None if not measured."""

    name: str
    summary: str
    first_pod: float
    duration: float
    end_delay: float | None
    loop_block: float | None
    health: float | None
    memory: float
    search_memory: float

    @property
    def met(self) -> bool:
        """Return whether all limits are met."""
        return (
            self.first_pod <= FIRST_POD
            and (self.end_delay or 0) <= END_DELAY
            and (self.loop_block or 0) <= LOOP_BLOCK
            and self.memory <= MEMORY
        )


async def measure_healthy(ground: Ground, number: int) -> tuple[float, float]:
    """Return the seconds from apply to the first Pod and to the end of a small Experiment, at most PATIENCE."""
    program = "for i in 1 2 3; do sleep 0.5; echo epoch=$i loss=0.$i; done"
    fields = {"algorithm": {"tpe": {}}, "parallelTrialCount": 2, "maxTrialCount": 4}
    body = ground.with_image(experiment(f"ok{number}", ["sh", "-c", program], **fields))
    version = ""
    async for page in ground.gateway.list(PODS, namespace=ground.healthy):
        version = page.resource_version
    start = time.perf_counter()
    created = await ground.gateway.create(EXPERIMENTS, namespace=ground.healthy, body=body)
    first = asyncio.create_task(first_pod(ground, version, start))
    end = asyncio.create_task(first_end(ground, f"ok{number}", created["metadata"]["resourceVersion"], start))
    await asyncio.wait([first, end], timeout=PATIENCE)
    seconds = [task.result() if task.done() else PATIENCE for task in (first, end)]
    for task in (first, end):
        task.cancel()
    await asyncio.gather(first, end, return_exceptions=True)
    return seconds[0], seconds[1]


async def first_pod(ground: Ground, version: str, start: float) -> float:
    """Return the seconds until a Pod is created."""
    async for event in ground.gateway.watch(PODS, namespace=ground.healthy, resource_version=version):
        if event["type"] == "ADDED":
            break
    return time.perf_counter() - start


async def first_end(ground: Ground, name: str, version: str, start: float) -> float:
    """Return the seconds until the Experiment has its completionTime."""
    async for event in ground.gateway.watch(EXPERIMENTS, namespace=ground.healthy, resource_version=version):
        body = event["object"]
        if body["metadata"].get("name") == name and "completionTime" in body.get("status", {}):
            break
    return time.perf_counter() - start


async def check_noise(ground: Ground) -> None:
    """Check that the noisy programs run: next to programs that never start, the figures mean nothing.

    Raises:
        ClickException: a noisy program could not be started.
    """
    async for page in ground.gateway.list(PODS, namespace=ground.noisy):
        for pod in page.items:
            for container in pod["status"].get("containerStatuses", ()):
                ended = container["state"].get("terminated", {})
                if ended.get("reason") == "StartError":
                    message = f"{pod['metadata']['name']}: the noisy program cannot start: {ended.get('message', '')}"
                    raise click.ClickException(f"{message}. Use an --image with sh, nice and python3.")


async def measure(
    name: str, neighbour: Neighbour, *, image: str, repeats: int, history: int, quiet: float | None
) -> Figures:
    """Measure one workload."""
    async with (
        cluster() as (gateway, kubeconfig),
        namespaces(gateway) as (noisy, healthy),
        AsyncExitStack() as stack,
    ):
        ground = Ground(gateway, noisy, healthy, image)
        made: list[Object] = []
        if neighbour.disturbance == Disturbance.HISTORY:
            made = await ground.apply(neighbour.build())
            await write_history(ground, made, history)
        running = await stack.enter_async_context(operator(kubeconfig))
        await measure_healthy(ground, 0)  # the first run includes imports and connections
        await running.begin()
        made = made or await ground.apply(neighbour.build())
        noise = asyncio.create_task(disturb(ground, neighbour, made, running))
        await asyncio.sleep(neighbour.settle)
        times = [await measure_healthy(ground, number) for number in range(1, repeats + 1)]
        await asyncio.sleep(1)  # until the next sample
        await check_noise(ground)
        noise.cancel()
        await asyncio.gather(noise, return_exceptions=True)
    duration = max(time[1] for time in times) if quiet is not None else statistics.median(time[1] for time in times)
    return Figures(
        name=name,
        summary=f"{neighbour.summary}{' (rejected)' if ground.rejected else ''}",
        first_pod=max(time[0] for time in times),
        duration=duration,
        end_delay=None if quiet is None else duration - quiet,
        loop_block=running.loop_block,
        health=running.health,
        memory=running.memory,
        search_memory=running.search_memory,
    )


async def measure_all(names: tuple[str, ...], image: str, repeats: int, history: int) -> list[Figures]:
    """Measure the undisturbed Experiment, then each workload."""
    one = partial(measure, image=image, repeats=repeats, history=history)
    results = [await one("undisturbed", QUIET, quiet=None)]
    show(results[-1])
    for name in names:
        results.append(await one(name, NEIGHBOURS[name], quiet=results[0].duration))
        show(results[-1])
    return results


def show(figures: Figures) -> None:
    """Print the figures of one workload."""
    NOTES.print(json.dumps(asdict(figures)), soft_wrap=True)


def shown(value: float | None, limit: float | None = None, unit: str = "s") -> str:
    """Format a figure, in red if it exceeds its limit. A time of PATIENCE means that it was longer."""
    if value is None:
        return "-"
    text = f"{value:.0f} {unit}" if unit != "s" else "> 60 s" if value >= PATIENCE else f"{value:.2f} s"
    return f"[red]{text}[/red]" if limit is not None and value > limit else text


def table(results: list[Figures]) -> Table:
    """Return the table of all workloads."""
    made = Table(title="A healthy Experiment next to noisy neighbours", caption=machine())
    headings = {"neighbour": "", "first Pod": "<= 1 s", "later by": "<= 2 s", "loop block": "<= 0.05 s"}
    headings |= {"/healthz": "", "operator": "<= 300 MiB", "search": ""}
    for heading, limit in headings.items():
        made.add_column(
            f"{heading}\n{limit}".strip(), justify="left" if heading == "neighbour" else "right", no_wrap=True
        )
    for each in results:
        made.add_row(
            each.summary,
            shown(each.first_pod, FIRST_POD),
            shown(each.end_delay, END_DELAY),
            shown(each.loop_block, LOOP_BLOCK),
            shown(each.health),
            shown(each.memory, MEMORY, "MiB"),
            shown(each.search_memory, unit="MiB"),
        )
    return made


@click.command()
@click.argument("names", nargs=-1, type=click.Choice(list(NEIGHBOURS)))
@click.option(
    "--image", default="localhost/local/py:1", show_default=True, help="Image of trials on the cluster of KUBECONFIG."
)
@click.option("--repeats", default=3, show_default=True, help="Healthy Experiments next to each workload.")
@click.option("--history", default=2000, show_default=True, help="Finished trials of the workloads named history.")
@json_option
def main(names: tuple[str, ...], image: str, repeats: int, history: int, output: Path | None) -> None:
    """Measure the named workloads, or all of them. The exit status is 1 if a limit is missed."""
    results = asyncio.run(measure_all(names or tuple(NEIGHBOURS), image, repeats, history))
    place = "kubernetes" if "KUBECONFIG" in os.environ else "embedded"
    figures = [{**asdict(each), "met": each.met} for each in results]
    write_run(output, f"noisy-neighbours-{place}", figures, limits=LIMITS)
    Console(width=140).print(table(results))
    sys.exit(0 if all(each.met for each in results) else 1)


if __name__ == "__main__":
    main()
