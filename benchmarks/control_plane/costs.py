"""Measures latency, writes, CPU and memory of the operator against their limits.

The embedded cluster runs containers that start no process (no_op_runtime.py), so only the control plane is measured.
With KUBECONFIG set, that cluster is used, with `--image`, which must contain a shell. The operator is a process of its
own. Times come from a watch outside of the operator.
"""

import asyncio
import os
import statistics
import sys
import time
from collections import Counter
from collections.abc import Awaitable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
from cluster import NAMESPACE, NOTES, Bench, cpu_seconds, open_cluster, operator, resident_mebibytes, watching
from rich.console import Console
from rich.table import Table

from toprung.kube.client import connect
from toprung.kube.resources import EXPERIMENTS, PODS, TRIALS, Resource
from toprung.timestamps import timestamp

sys.path.append(str(Path(__file__).parents[1]))
from run_record import json_option, machine, write_run

NAMESPACES = Resource("", "v1", "namespaces")


def quantile(values: list[float], fraction: float) -> float:
    """Return the value that this fraction of the values does not exceed."""
    return sorted(values)[min(len(values) - 1, int(fraction * len(values)))]


async def measure_first_pod(bench: Bench, repeats: int) -> None:
    """Measure from apply to the creation of the first trial Pod."""
    times = []
    async with operator(bench):
        for number in range(repeats):
            async with watching(bench.gateway) as watcher:
                start = time.perf_counter()
                await bench.apply(f"first-{number}", maxTrialCount=1)
                while not watcher.creations():
                    await asyncio.sleep(0.001)
                times.append(watcher.creations()[0] - start)
                await bench.until(f"first-{number}", "Succeeded")
            await bench.delete(f"first-{number}")
    median = statistics.median(times)
    measured = f"median {median * 1000:.0f} ms, max {max(times) * 1000:.0f} ms, n={repeats}"
    bench.record("time from apply to the first trial Pod created", measured, "median <= 500 ms", met=median <= 0.5)


async def measure_succession(bench: Bench, finished: int, samples: int) -> None:
    """Measure from a trial's end to the creation of its successor's Pod, with tpe and a long history."""
    spec = {"algorithm": {"seed": 1, "tpe": {}}, "parallelTrialCount": 8, "maxTrialCount": finished + samples + 8}
    experiment = await bench.apply("succession", seconds=0.5, suspend=True, **spec)
    await prefill(bench, experiment, finished)
    async with operator(bench), watching(bench.gateway) as watcher:
        await bench.gateway.patch(
            EXPERIMENTS, namespace=NAMESPACE, name="succession", body={"spec": {"suspend": False}}
        )
        await bench.until("succession", "Succeeded")
    successors, ends = watcher.creations()[8:], watcher.ends()
    times = [created - ended for ended, created in zip(ends, successors, strict=False)][:samples]
    p50, p99 = quantile(times, 0.5), quantile(times, 0.99)
    measured = f"p50 {p50 * 1000:.0f} ms, p99 {p99 * 1000:.0f} ms, n={len(times)}"
    figure = f"time from a trial's end to its successor's Pod created (tpe, {finished} finished trials, 8 at once)"
    bench.record(figure, measured, "p50 <= 50, p99 <= 250 ms", met=p50 <= 0.05 and p99 <= 0.25)
    await bench.delete("succession")


async def prefill(bench: Bench, experiment: dict[str, Any], count: int) -> None:
    """Write finished Trials, as the operator does."""
    from random import Random  # noqa: PLC0415

    random, now = Random(1), datetime.now(UTC)
    for index in range(count):
        body = trial_body(experiment, index, {f"p{number}": 10 ** random.uniform(-4, 0) for number in range(4)})
        await bench.gateway.create(TRIALS, namespace=NAMESPACE, body=body)
        observation = {"step": 1, "value": random.random(), "finite": True, "time": timestamp(now), "metrics": {}}
        status = {"state": "Succeeded", "latest": observation, "best": observation, "completionTime": timestamp(now)}
        await bench.gateway.patch(
            TRIALS, namespace=NAMESPACE, name=body["metadata"]["name"], body={"status": status}, subresource="status"
        )


def trial_body(experiment: dict[str, Any], index: int, parameters: dict[str, float]) -> dict[str, Any]:
    """Return a Trial as the operator creates it."""
    name = experiment["metadata"]["name"]
    owner = {"apiVersion": experiment["apiVersion"], "kind": "Experiment", "name": name}
    return {
        "apiVersion": experiment["apiVersion"],
        "kind": "Trial",
        "metadata": {
            "name": f"{name}-{index}",
            "namespace": NAMESPACE,
            "labels": {"app.kubernetes.io/managed-by": "toprung", "toprung.dev/experiment": name},
            "ownerReferences": [{**owner, "uid": experiment["metadata"]["uid"], "controller": True}],
        },
        "spec": {"experiment": name, "index": index, "parameters": parameters, "bracket": 0},
    }


async def measure_throughput(bench: Bench, trials: int, parallel: int, pairs: int = 3) -> None:
    """Measure no-op trials per second, in turns with a bare loop that makes the same writes with the same client."""
    rates = [(await operator_rate(bench, trials, parallel), await bare_rate(bench, trials)) for _ in range(pairs)]
    ratio = statistics.median(ours / bare for ours, bare in rates)
    each = ", ".join(f"{ours:.0f} beside {bare:.0f}" for ours, bare in rates)
    figure = f"ratio of the rate of {trials} no-op trials, {parallel} at once, to a bare loop of the same writes"
    bench.record(figure, f"{ratio:.2f} ({each} a second)", ">= 0.6", met=ratio >= 0.6)


async def operator_rate(bench: Bench, trials: int, parallel: int) -> float:
    """Return the trials per second from apply to Succeeded, and record the operator's writes."""
    async with operator(bench):
        if bench.writes is not None:
            bench.writes.clear()
        start = time.perf_counter()
        await bench.apply("many", maxTrialCount=trials, parallelTrialCount=parallel)
        await bench.until("many", "Succeeded")
        took = time.perf_counter() - start
        if bench.writes is not None:
            record_writes(bench, trials, took)
    await bench.delete("many")
    return trials / took


async def measure_stopping(bench: Bench, trials: int) -> None:
    """Measure the writes of trials that are stopped early; only the embedded API server counts writes."""
    if bench.writes is None:
        return
    asha = {"asha": {"maxResource": 9, "variant": "stopping"}}
    async with operator(bench):
        bench.writes.clear()
        spec = {"earlyStopping": asha, "parallelTrialCount": min(20, trials), "maxTrialCount": trials}
        await bench.apply("stopping", seconds=2.7, epochs=9, **spec)
        await bench.until("stopping", "Succeeded")
        others = sum(count for (_, resource, _), count in bench.writes.items() if resource != "experiments")
        rungs = stopped = 0
        async for page in bench.gateway.list(TRIALS, namespace=NAMESPACE):
            rungs += sum(len(trial["status"]["rungs"]) for trial in page.items)
            stopped += sum(trial["status"]["state"] == "Stopped" for trial in page.items)
    beyond = (others - rungs) / trials
    measured = f"{beyond:.2f} ({stopped} of {trials} stopped, {rungs} rungs, {others} writes)"
    bench.record("API writes for each trial beyond one for each rung, with asha", measured, "<= 4", met=beyond <= 4)
    await bench.delete("stopping")


def record_writes(bench: Bench, trials: int, took: float) -> None:
    """Record the writes for each trial."""
    assert bench.writes is not None
    experiments = sum(count for (_, resource, _), count in bench.writes.items() if resource == "experiments")
    others = sum(bench.writes.values()) - experiments - 2  # of the benchmark: apply and the later delete
    detail = ", ".join(f"{v} {r}{'/' + s if s else ''} {n}" for (v, r, s), n in sorted(bench.writes.items()))
    NOTES.print(f"writes: {detail}")
    bench.write_counts.append(detail)
    bench.record("API writes for each no-op trial", f"{others / trials:.2f}", "<= 4", met=others / trials <= 4)
    statuses = bench.writes["patch", "experiments", "status"] - 2  # the first and the last are not throttled
    rate = max(0, statuses) / took
    figure = "writes of the Experiment's status, without the first and the last"
    bench.record(figure, f"{rate:.1f}/s", "<= 2/s", met=rate <= 2)


async def bare_rate(bench: Bench, trials: int) -> float:
    """Return the trials per second of a loop that creates a Trial and a Pod and writes the Trial's end, in sequence."""
    experiment = await bench.apply("bare", suspend=True, maxTrialCount=trials)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, __file__, "--bare-loop", str(trials), "--uid", experiment["metadata"]["uid"]),
        *("--image", bench.image, *(["--embedded"] if bench.writes is not None else [])),
        env={**os.environ, "KUBECONFIG": str(bench.kubeconfig)},
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await process.communicate()
    await bench.delete("bare")
    return float(output)


async def run_bare_loop(bench: Bench, trials: int, uid: str) -> float:
    """Run the loop, in a process of its own like the operator."""
    experiment = {"apiVersion": "toprung.dev/v1alpha1", "metadata": {"name": "bare", "uid": uid}}
    start = time.perf_counter()
    for index in range(trials):
        body = trial_body(experiment, index, {f"p{number}": 0.1 for number in range(4)})
        trial = await bench.gateway.create(TRIALS, namespace=NAMESPACE, body=body)
        container = {"name": "main", "image": bench.image, "command": bench.command(0.0, "0.5")}
        pod = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {
                "name": f"bare-{index}-1",
                "ownerReferences": [
                    {"apiVersion": trial["apiVersion"], "kind": "Trial", "name": f"bare-{index}"}
                    | {"uid": trial["metadata"]["uid"], "controller": True}
                ],
            },
            "spec": {"restartPolicy": "Never", "containers": [container]},
        }
        await bench.gateway.create(PODS, namespace=NAMESPACE, body=pod)
        stamp = timestamp(datetime.now(UTC))
        best = {"step": 1, "value": 0.5, "finite": True, "time": stamp, "metrics": {}}
        status = {"state": "Succeeded", "attempt": 1, "latest": best, "best": best, "curve": [[1, 0.5]]}
        await bench.gateway.patch(
            TRIALS,
            namespace=NAMESPACE,
            name=f"bare-{index}",
            body={"metadata": {"resourceVersion": trial["metadata"]["resourceVersion"]}, "status": status},
            subresource="status",
        )
    return trials / (time.perf_counter() - start)


async def measure_scale(bench: Bench, running: int, events: int) -> None:
    """Measure CPU for each Pod event, and memory, with many running trials."""
    async with operator(bench) as pid:
        await bench.apply("scale", seconds=3600, maxTrialCount=running, parallelTrialCount=running)
        while True:
            body = await bench.gateway.get(EXPERIMENTS, namespace=NAMESPACE, name="scale")
            if body.get("status", {}).get("trials", {}).get("running") == running:
                break
            await asyncio.sleep(0.5)
        await asyncio.sleep(5)
        idle = await cpu_of(pid, asyncio.sleep(10)) / 10
        start = time.perf_counter()
        busy = await cpu_of(pid, touch_pods(bench, running, events))
        each = (busy - idle * (time.perf_counter() - start)) / events
        figure = f"operator CPU for each Pod event, {running} Pods running"
        bench.record(figure, f"{each * 1000:.3f} ms, n={events}", "<= 0.2 ms", met=each <= 2e-4)
        memory = resident_mebibytes(pid)
        figure = f"resident memory of the operator, {running} running trials"
        bench.record(figure, f"{memory:.0f} MiB", "<= 300 MiB", met=memory <= 300)
    await bench.delete("scale")


async def cpu_of(pid: int, coroutine: Awaitable[None]) -> float:
    """Return the CPU seconds that a process uses while a coroutine runs."""
    before = cpu_seconds(pid)
    await coroutine
    await asyncio.sleep(1)
    return cpu_seconds(pid) - before


async def touch_pods(bench: Bench, running: int, events: int) -> None:
    """Make Pod events as a kubelet does: change the conditions of one Pod after the other."""
    for number in range(events):
        condition = {"type": "Ready", "status": "True", "reason": f"Probe{number}"}
        await bench.gateway.patch(
            PODS,
            namespace=NAMESPACE,
            name=f"scale-{number % running}-1",
            body={"status": {"conditions": [condition]}},
            subresource="status",
        )


async def measure(image: str, scale: float, only: str | None, output: Path | None) -> bool:
    """Measure the parts, print and write the figures, and return whether every limit is met."""
    async with open_cluster(image) as bench:
        with suppress(Exception):
            body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
            await bench.gateway.create(NAMESPACES, namespace=None, body=body)
        steps = {
            "first": lambda: measure_first_pod(bench, max(3, int(15 * scale))),
            "succession": lambda: measure_succession(bench, int(500 * scale), max(20, int(200 * scale))),
            "throughput": lambda: measure_throughput(bench, int(500 * scale), min(50, int(500 * scale))),
            "stopping": lambda: measure_stopping(bench, int(200 * scale)),
            "scale": lambda: measure_scale(bench, int(2000 * scale), int(5000 * scale)),
        }
        for name, step in steps.items():
            if only is None or only == name:
                await step()
    table = Table(title="Control plane", caption=machine())
    for heading in ("figure", "measured", "limit", ""):
        table.add_column(heading)
    for each in bench.figures:
        table.add_row(each["figure"], each["measured"], each["limit"], "met" if each["met"] else "[red]missed")
    Console().print(table)
    counts = {"columns": ["writes of the operator, run by run"], "rows": [[counts] for counts in bench.write_counts]}
    write_run(output, "control-plane", bench.figures, tables={"writes": counts})
    return all(each["met"] for each in bench.figures)


@click.command()
@click.option("--image", default="busybox", help="Image of trials on the cluster of KUBECONFIG.")
@click.option("--scale", default=1.0, help="Multiplies all counts.", show_default=True)
@click.option(
    "--only",
    type=click.Choice(["first", "succession", "throughput", "stopping", "scale"]),
    help="Measure only this part.",
)
@json_option
@click.option("--bare-loop", type=int, hidden=True)
@click.option("--uid", hidden=True)
@click.option("--embedded", is_flag=True, hidden=True)
def main(  # noqa: PLR0917
    image: str, scale: float, only: str | None, output: Path | None, bare_loop: int | None, uid: str, embedded: bool
) -> None:
    """Measure the control plane. The exit status is 1 if a limit is missed."""
    if bare_loop is not None:
        click.echo(asyncio.run(_bare(image, bare_loop, uid, Counter() if embedded else None)))
        return
    sys.exit(0 if asyncio.run(measure(image, scale, only, output)) else 1)


async def _bare(image: str, trials: int, uid: str, writes: Counter[tuple[str, str, str]] | None) -> float:
    kubeconfig = Path(os.environ["KUBECONFIG"])
    async with await connect(kubeconfig) as gateway:
        return await run_bare_loop(Bench(gateway, kubeconfig, image, writes), trials, uid)


if __name__ == "__main__":
    main()
