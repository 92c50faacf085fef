"""Runs the processes of a measurement: an operator, with samples of memory and event loop, and an embedded cluster."""

import asyncio
import os
import re
import signal
import socket
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import click
from cluster import CRDS, resident_mebibytes

from localkube.cluster import LocalCluster
from toprung.kube.client import KubeClient, connect

LONGEST = re.compile(r"^toprung_event_loop_lag_seconds_max (\S+)$", re.MULTILINE)
BUCKET = re.compile(r'^toprung_event_loop_lag_seconds_bucket\{le="(\S+)"\} (\S+)$', re.MULTILINE)
PATIENCE = 60.0
"""Seconds after which an answer counts as missing."""


@dataclass(slots=True)
class Operator:
    """The operator process and its peaks. Memory is in MiB, `health` and `longest` are in seconds."""

    process: asyncio.subprocess.Process
    metrics_port: int
    liveness_port: int
    memory: float = 0.0
    search_memory: float = 0.0
    health: float | None = None
    longest: float | None = None
    lags: dict[float, float] = field(default_factory=dict)
    lags_before: dict[float, float] = field(default_factory=dict)

    def sample_memory(self) -> None:
        """Update the peaks of memory."""
        with suppress(OSError, StopIteration):
            self.memory = max(self.memory, resident_mebibytes(self.process.pid))
        total = 0.0
        for pid in children(self.process.pid):
            with suppress(OSError, StopIteration):
                total += resident_mebibytes(pid)
        self.search_memory = max(self.search_memory, total)

    @property
    def loop_block(self) -> float | None:
        """Return the longest block of the event loop since `begin`, None where it is not exported.

        The metric of the longest block covers the last minute, so it can include the start of the process. The
        histogram bounds the blocks since then.
        """
        if self.longest is None:
            return None
        counts = {bound: count - self.lags_before.get(bound, 0.0) for bound, count in self.lags.items()}
        total = max(counts.values(), default=0.0)
        return min(self.longest, next((bound for bound, count in sorted(counts.items()) if count == total), 0.0))

    async def begin(self) -> None:
        """Reset the samples at the start of the workload."""
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=PATIENCE)) as session:
            await self.probe(session)
        self.lags_before, self.longest, self.health = dict(self.lags), None, None

    async def probe(self, session: aiohttp.ClientSession) -> None:
        """Read the lags of the event loop, and time the answer of /healthz."""
        with suppress(aiohttp.ClientError, TimeoutError):
            async with session.get(f"http://127.0.0.1:{self.metrics_port}/metrics") as answer:
                text = await answer.text()
            self.lags = {float(bound): float(count) for bound, count in BUCKET.findall(text)}
            if found := LONGEST.search(text):
                self.longest = max(self.longest or 0.0, float(found[1]))
        start = time.perf_counter()
        with suppress(aiohttp.ClientError, TimeoutError):
            async with session.get(f"http://127.0.0.1:{self.liveness_port}/healthz") as answer:
                await answer.read()
        self.health = max(self.health or 0.0, time.perf_counter() - start)


def children(pid: int) -> list[int]:
    """Return the descendants of a process."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):
            found += map(int, task.read_text().split())
    return found + [each for child in found for each in children(child)]


def free_port() -> int:
    """Return a port of loopback that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@asynccontextmanager
async def operator(kubeconfig: Path) -> AsyncIterator[Operator]:
    """Run the operator for all namespaces, and sample it until the end of the block."""
    metrics, liveness = free_port(), free_port()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "toprung.cli", "operator", "--kubeconfig", kubeconfig),
        *("--metrics-port", str(metrics), "--liveness-port", str(liveness)),
        stderr=asyncio.subprocess.DEVNULL,
        process_group=0,
    )
    running = Operator(process, metrics, liveness)
    await asyncio.sleep(4)
    sampling = asyncio.create_task(sample(running))
    try:
        yield running
    finally:
        sampling.cancel()
        await asyncio.gather(sampling, return_exceptions=True)
        await end_group(process)


async def sample(running: Operator) -> None:
    """Sample memory four times a second and probe once a second."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=PATIENCE)) as session:

        async def probing() -> None:
            while True:
                await running.probe(session)
                await asyncio.sleep(1)

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(probing())
            while True:
                running.sample_memory()
                await asyncio.sleep(0.25)


async def end_group(process: asyncio.subprocess.Process) -> None:
    """End a process and its children."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGCONT)
        process.terminate()
    try:
        await asyncio.wait_for(process.wait(), 20)
    except TimeoutError:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()


@asynccontextmanager
async def cluster() -> AsyncIterator[tuple[KubeClient, Path]]:
    """Connect to the cluster of KUBECONFIG, or to an embedded one in a process of its own."""
    async with AsyncExitStack() as stack:
        if "KUBECONFIG" in os.environ:
            kubeconfig = Path(os.environ["KUBECONFIG"])
        else:
            folder = stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True))
            kubeconfig = await stack.enter_async_context(hosted(Path(folder)))
        yield await stack.enter_async_context(await connect(kubeconfig)), kubeconfig


@asynccontextmanager
async def hosted(folder: Path) -> AsyncIterator[Path]:
    """Run an embedded cluster that starts real processes."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, __file__, str(folder)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        process_group=0,
    )
    try:
        assert process.stdout is not None
        yield Path((await process.stdout.readline()).decode().strip())
    finally:
        await end_group(process)


async def host(folder: Path) -> None:
    """Serve an embedded cluster until SIGTERM."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    embedded = LocalCluster(folder, gpus=0, crd_dir=CRDS)
    await embedded.start()
    click.echo(embedded.kubeconfig_path)
    await stop.wait()
    await embedded.stop()


if __name__ == "__main__":
    asyncio.run(host(Path(sys.argv[1])))
