"""`toprung run`: Experiments of a file, from their start to their best trials, on this machine."""

import asyncio
import logging
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

import click
from rich.console import Console

from localkube.cluster import AlreadyRunning
from toprung.api.names import LABEL_EXPERIMENT
from toprung.cli.display.progress import ProgressDisplay, shown
from toprung.cli.display.result import print_results
from toprung.cli.display.watcher import ExperimentView, Key, Watcher
from toprung.cli.embedded.daemon import prepare
from toprung.cli.embedded.host import NAMESPACE, OPERATOR, hosted, working_dir
from toprung.cli.embedded.state_dir import StateFolder, dir_option, gpus_option, state_folder
from toprung.cli.embedded.waiting import until
from toprung.cli.files.manifests import apply_all, delete_experiment, experiments_of, read_manifests
from toprung.cli.plots.output_file import picture_file
from toprung.errors import ClusterUnavailable, TopRungError
from toprung.kube.client import KubeClient, KubernetesObject, connect
from toprung.kube.resources import PODS, TRIALS

INTERRUPTED = 130
_TICK = 0.5
"""Seconds between two drawings when nothing happens but time."""
_SILENCE = 15.0
"""Seconds after which an operator that has not looked at an experiment is in trouble."""
_SHORTEST = 0.25
"""Seconds between two drawings when much happens."""


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What the user asked for."""

    folder: StateFolder
    objects: tuple[KubernetesObject, ...]
    gpus: int | None
    fresh: bool


@click.command("run")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True))
@dir_option
@gpus_option
@click.option(
    "--picture",
    type=click.Path(path_type=Path, dir_okay=False),
    callback=picture_file,
    help="Save the curves here (PNG, SVG, PDF).",
)
@click.option(
    "--fresh", is_flag=True, help="Delete the Experiment of the same name first; set a broken database aside."
)
@click.option(
    "-o", "--output", type=click.Choice(["text", "json", "yaml"]), default="text", help="How the result is printed."
)
def run_command(  # noqa: PLR0917 - click hands them over by name
    file: str,
    folder: Path,
    gpus: int | None,
    picture: Path | None,
    fresh: bool,  # noqa: FBT001 - a flag of the command line
    output: Literal["text", "json", "yaml"],
) -> None:
    """Run the Experiments of FILE on this machine, and show them live.

    FILE is a manifest as for kubectl; - is the standard input. Uses the cluster that `toprung local up` keeps in --dir,
    or starts one for the time of the run. Programs run in the folder where that was called. Called again after an
    interruption, a crash or with a larger maxTrialCount, it goes on where it was. Ends with 0 when all Experiments have
    succeeded, with 1 when one has failed.
    """
    order = RunOptions(state_folder(folder), read_manifests(file), gpus, fresh)
    prepare(order.folder)
    console = Console(stderr=output != "text")
    scenes = asyncio.run(_interruptible(_run(order, console), partial(_tell_interrupt, order.folder, console)))
    if scenes is None:
        console.print(_after_interrupt(order.folder), soft_wrap=True)
        sys.exit(INTERRUPTED)
    print_results(scenes, output, picture, console)
    sys.exit(0 if all(scene.state == "Succeeded" for scene in scenes) else 1)


def _tell_interrupt(folder: StateFolder, console: Console) -> None:
    """Programs have some seconds to save what they have; somebody who waits should know for what."""
    if folder.pid() == os.getpid():
        console.print("Interrupted; every program is told to end. Ctrl-C again ends them at once.", soft_wrap=True)


def _after_interrupt(folder: StateFolder) -> str:
    if folder.pid() is not None:
        return "Interrupted; the cluster that is up goes on with it. The same command shows it again."
    return "Every program has ended. The same command goes on where this left off."


async def _interruptible(
    work: Coroutine[None, None, tuple[ExperimentView, ...]], tell: Callable[[], None]
) -> tuple[ExperimentView, ...] | None:
    """Let SIGINT and SIGTERM end the work in an orderly way, None then; at a second one everything dies at once."""
    task = asyncio.ensure_future(work)
    told = False

    def interrupt() -> None:
        nonlocal told
        if told:
            os._exit(INTERRUPTED)  # the shim of the cluster's processes sees it, and ends them all
        told = True
        tell()
        task.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, interrupt)
    try:
        return await task
    except asyncio.CancelledError:
        return None


async def _run(order: RunOptions, console: Console) -> tuple[ExperimentView, ...]:
    keys = experiments_of(order.objects)
    async with AsyncExitStack() as stack:
        with console.status("starting the cluster and the operator"):
            gateway = await stack.enter_async_context(_cluster(order, console))
            if order.fresh:
                await _clear(gateway, keys)
            await apply_all(gateway, order.objects)
        show = stack.enter_context(shown(console))
        try:
            return await _follow(gateway, keys, show, order.folder)
        except ExceptionGroup as group:
            raise group.exceptions[0] from None  # the first is what ended the others


@asynccontextmanager
async def _cluster(order: RunOptions, console: Console) -> AsyncIterator[KubeClient]:
    """Join the cluster that is up in the folder, or host one."""
    logging.basicConfig(filename=order.folder.log, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    if order.folder.pid() is None:
        try:
            async with hosted(order.folder, gpus=order.gpus, fresh=order.fresh) as gateway:
                yield gateway
        except AlreadyRunning as error:
            raise ClusterUnavailable(f"{error}, or run the command again to join it.") from error
        return
    async with await connect(order.folder.kubeconfig) as gateway:
        folder = await working_dir(gateway)
        if folder != str(Path.cwd()):
            console.print(f"Programs run in {folder}, where the cluster was started.")
        if order.gpus is not None:
            console.print("--gpus has no effect here: the cluster is up already, with GPUs of its own.")
        yield gateway


async def _clear(gateway: KubeClient, keys: Sequence[Key]) -> None:
    """Delete the Experiments, and wait until nothing of theirs is left that a new one could meet."""
    for key in keys:
        if await delete_experiment(gateway, key):
            await until(partial(_nothing_left, gateway, key))


async def _nothing_left(gateway: KubeClient, key: Key) -> bool:
    for resource in (TRIALS, PODS):
        pages = gateway.list(resource, namespace=key[0], label_selector=f"{LABEL_EXPERIMENT}={key[1]}")
        if any([page.items async for page in pages]):
            return False
    return True


async def _follow(
    gateway: KubeClient, keys: Sequence[Key], show: ProgressDisplay, folder: StateFolder
) -> tuple[ExperimentView, ...]:
    """Show the experiments until all of them are over."""
    changed = asyncio.Event()
    watchers = [Watcher(gateway, key, on_change=changed.set, on_trial=show.trial) for key in keys]
    async with asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(watcher.run()) for watcher in watchers]
        for watcher in watchers:
            await watcher.ready()
        scenes = _scenes(watchers)
        show.scenes(scenes)
        late = tasks.create_task(_mention_log(show, folder))
        while not all(scene.over for scene in scenes):
            await _next(changed)
            if folder.pid() is None:
                raise ClusterUnavailable(f"the cluster of {folder.path} has ended; the same command goes on")
            scenes = _scenes(watchers)
            show.scenes(scenes)
            if any(scene.status for scene in scenes):
                late.cancel()
        for task in (*running, late):
            task.cancel()
    return scenes


def _scenes(watchers: Sequence[Watcher]) -> tuple[ExperimentView, ...]:
    """Look at all of them.

    Raises:
        TopRungError: one was deleted meanwhile.
    """
    scenes = []
    for watcher in watchers:
        scene = watcher.scene()
        if scene is None:
            raise TopRungError(
                f"Experiment {watcher.key[0]}/{watcher.key[1]} was deleted; nothing of it is left to show"
            )
        scenes.append(scene)
    return tuple(scenes)


async def _next(changed: asyncio.Event) -> None:
    """Wait for a change, or for time to be shown."""
    await asyncio.sleep(_SHORTEST)
    with suppress(TimeoutError):
        async with asyncio.timeout(_TICK):
            await changed.wait()
    changed.clear()


async def _mention_log(show: ProgressDisplay, folder: StateFolder) -> None:
    await asyncio.sleep(_SILENCE)
    command = f"kubectl --kubeconfig {folder.kubeconfig} logs -n {NAMESPACE} {OPERATOR}"
    show.note(f"The operator says nothing of it yet; its log: {command}")
