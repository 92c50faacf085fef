"""`toprung run`: runs the Experiments of a file on this machine and shows their progress."""

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
from toprung.cli.commands.options import picture_option
from toprung.cli.display.progress import ProgressDisplay, progress_display
from toprung.cli.display.result import print_results
from toprung.cli.display.watcher import ExperimentView, Watcher
from toprung.cli.embedded.daemon import prepare
from toprung.cli.embedded.host import NAMESPACE, OPERATOR, host_cluster, wait_until, working_dir
from toprung.cli.embedded.state_dir import StateFolder, dir_option, gpus_option, state_folder
from toprung.cli.files.manifests import Key, apply_all, delete_experiment, experiments_of, read_manifests
from toprung.errors import ClusterUnavailable, TopRungError
from toprung.kube.client import KubeClient, KubernetesObject, connect
from toprung.kube.resources import PODS, TRIALS

INTERRUPTED = 130
_MAX_INTERVAL = 0.5
"""Seconds between two updates of the display if nothing changes."""
_STATUS_TIMEOUT = 15.0
"""Seconds after which the user is pointed to the log of an operator that has written no status."""
_START_TIMEOUT = 60.0
"""Seconds in which a cluster that another process starts must serve requests."""
_MIN_INTERVAL = 0.25
"""Least seconds between two updates of the display."""


@dataclass(frozen=True, slots=True)
class RunOptions:
    """The options of one `toprung run`."""

    folder: StateFolder
    objects: tuple[KubernetesObject, ...]
    gpus: int | None
    fresh: bool


@click.command("run")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True))
@dir_option
@gpus_option
@picture_option("the result")
@click.option(
    "--fresh", is_flag=True, help="First delete the Experiment of the same name, and move a corrupt database away."
)
@click.option(
    "-o", "--output", type=click.Choice(["text", "json", "yaml"]), default="text", help="Format of the result."
)
def run_command(  # noqa: PLR0917 - click passes them by name
    file: str,
    folder: Path,
    gpus: int | None,
    picture: Path | None,
    fresh: bool,  # noqa: FBT001 - a flag of the command line
    output: Literal["text", "json", "yaml"],
) -> None:
    """Run the Experiments in FILE on this machine, and show their progress.

    FILE is a manifest as for kubectl. Use - for standard input. The command uses the cluster that `toprung local up`
    started in --dir, or starts one until the run ends. Programs run in the folder in which the cluster was started.

    The same command continues after an interruption, a crash or an increase of maxTrialCount. The exit code is 0 if
    all Experiments succeeded, otherwise 1.
    """
    options = RunOptions(state_folder(folder), read_manifests(file), gpus, fresh)
    prepare(options.folder)
    console = Console(stderr=output != "text")
    views = asyncio.run(_interruptible(_run(options, console), partial(_print_interrupt, options.folder, console)))
    if views is None:
        console.print(_after_interrupt(options.folder), soft_wrap=True)
        sys.exit(INTERRUPTED)
    print_results(views, output, picture, console)
    sys.exit(0 if all(view.state == "Succeeded" for view in views) else 1)


def _print_interrupt(folder: StateFolder, console: Console) -> None:
    """Explain the wait: programs have some seconds to write their checkpoints."""
    if folder.pid() == os.getpid():
        console.print("Interrupted. Waiting for the programs to end. Ctrl-C again kills them.", soft_wrap=True)


def _after_interrupt(folder: StateFolder) -> str:
    if folder.pid() is not None:
        return "Interrupted. The cluster continues the run. The same command shows it again."
    return "Interrupted. All programs have ended. Run the same command to continue."


async def _interruptible(
    work: Coroutine[None, None, tuple[ExperimentView, ...]], on_interrupt: Callable[[], None]
) -> tuple[ExperimentView, ...] | None:
    """Cancel the work at SIGINT or SIGTERM and return None. A second signal ends the process at once."""
    task = asyncio.ensure_future(work)
    interrupted = False

    def interrupt() -> None:
        nonlocal interrupted
        if interrupted:
            os._exit(INTERRUPTED)  # the shim then ends all programs of the cluster
        interrupted = True
        on_interrupt()
        task.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, interrupt)
    try:
        return await task
    except asyncio.CancelledError:
        return None


async def _run(options: RunOptions, console: Console) -> tuple[ExperimentView, ...]:
    keys = experiments_of(options.objects)
    async with AsyncExitStack() as stack:
        with console.status("Starting the cluster and the operator"):
            client = await stack.enter_async_context(_cluster(options, console))
            if options.fresh:
                await _clear(client, keys)
            await apply_all(client, options.objects)
        display = stack.enter_context(progress_display(console))
        try:
            return await _follow(client, keys, display, options.folder)
        except ExceptionGroup as group:
            raise group.exceptions[0] from None  # the first one cancelled the others


@asynccontextmanager
async def _cluster(options: RunOptions, console: Console) -> AsyncIterator[KubeClient]:
    """Connect to the cluster that runs in the folder, or run one."""
    logging.basicConfig(filename=options.folder.log, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    if options.folder.pid() is None:
        try:
            async with host_cluster(options.folder, gpus=options.gpus, fresh=options.fresh) as client:
                yield client
        except AlreadyRunning as error:
            raise ClusterUnavailable(f"{error}, or run the command again to join it.") from error
        return
    folder = await _await_start(options.folder)
    async with await connect(options.folder.kubeconfig) as client:
        if folder != str(Path.cwd()):
            console.print(f"Programs run in {folder}, the folder in which the cluster was started.")
        if options.gpus is not None:
            console.print("--gpus has no effect: the cluster is already running.")
        yield client


async def _await_start(folder: StateFolder) -> str:
    """Return the folder in which programs run, as soon as the cluster that another process starts serves requests."""
    deadline = asyncio.get_running_loop().time() + _START_TIMEOUT
    while True:
        try:
            async with await connect(folder.kubeconfig) as client:
                return await working_dir(client)
        except TopRungError as error:  # no kubeconfig, a server that does not listen yet, or no operator
            if folder.pid() is None:
                raise ClusterUnavailable(
                    f"the cluster in {folder.path} has stopped. Run the same command to continue."
                ) from error
            if asyncio.get_running_loop().time() > deadline:
                raise
        await asyncio.sleep(_MIN_INTERVAL)


async def _clear(client: KubeClient, keys: Sequence[Key]) -> None:
    """Delete the Experiments, and wait until their Trials and Pods are deleted."""
    for key in keys:
        if await delete_experiment(client, key):
            await wait_until(partial(_is_deleted, client, key))


async def _is_deleted(client: KubeClient, key: Key) -> bool:
    for resource in (TRIALS, PODS):
        pages = client.list(resource, namespace=key[0], label_selector=f"{LABEL_EXPERIMENT}={key[1]}")
        if any([page.items async for page in pages]):
            return False
    return True


async def _follow(
    client: KubeClient, keys: Sequence[Key], display: ProgressDisplay, folder: StateFolder
) -> tuple[ExperimentView, ...]:
    """Show the Experiments until all of them have ended."""
    changed = asyncio.Event()
    watchers = [Watcher(client, key, on_change=changed.set, on_trial=display.trial_changed) for key in keys]
    async with asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(watcher.run()) for watcher in watchers]
        for watcher in watchers:
            await watcher.ready()
        views = _current_views(watchers)
        display.update(views)
        log_hint = tasks.create_task(_print_log_hint(display, folder))
        while not all(view.ended for view in views):
            await _next(changed)
            if folder.pid() is None:
                raise ClusterUnavailable(f"the cluster in {folder.path} has stopped. Run the same command to continue.")
            views = _current_views(watchers)
            display.update(views)
            if any(view.status for view in views):
                log_hint.cancel()
        for task in (*running, log_hint):
            task.cancel()
    return views


def _current_views(watchers: Sequence[Watcher]) -> tuple[ExperimentView, ...]:
    """Return the current view of each Experiment.

    Raises:
        TopRungError: an Experiment was deleted.
    """
    views = []
    for watcher in watchers:
        view = watcher.view()
        if view is None:
            raise TopRungError(f"Experiment {watcher.key[0]}/{watcher.key[1]} was deleted")
        views.append(view)
    return tuple(views)


async def _next(changed: asyncio.Event) -> None:
    """Wait for a change, at most until the display must show the new time."""
    await asyncio.sleep(_MIN_INTERVAL)
    with suppress(TimeoutError):
        async with asyncio.timeout(_MAX_INTERVAL):
            await changed.wait()
    changed.clear()


async def _print_log_hint(display: ProgressDisplay, folder: StateFolder) -> None:
    await asyncio.sleep(_STATUS_TIMEOUT)
    command = f"kubectl --kubeconfig {folder.kubeconfig} logs -n {NAMESPACE} {OPERATOR}"
    display.print_line(f"The operator has not written a status yet. Read its log: {command}")
