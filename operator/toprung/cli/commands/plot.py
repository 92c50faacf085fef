"""`toprung plot`: draws an Experiment of any cluster."""

import asyncio
from pathlib import Path

import click

from toprung.api.names import LABEL_EXPERIMENT
from toprung.cli.commands.options import context_option, kubeconfig_option, plot_path
from toprung.cli.files.manifests import DEFAULT_NAMESPACE
from toprung.cli.plots.experiment import draw
from toprung.kube.client import KubernetesObject, connect
from toprung.kube.resources import EXPERIMENTS, TRIALS
from toprung.objects.owner_references import controller_of


@click.command("plot")
@click.argument("name")
@click.option("--namespace", "-n", default=DEFAULT_NAMESPACE, help="Namespace of the Experiment.")
@kubeconfig_option
@context_option
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    callback=plot_path,
    required=True,
    help="PNG, SVG or PDF file to write.",
)
def plot_command(name: str, namespace: str, kubeconfig: Path | None, context: str | None, output: Path) -> None:
    """Draw the Experiment NAME.

    The plot has the best value over time, the learning curves of all trials, and the Pareto front if there are several
    objectives. The Experiment may still run. The cluster is the one that kubectl uses.
    """
    experiment, trials = asyncio.run(_read(name, namespace, kubeconfig, context))
    draw(experiment, trials, output)


async def _read(
    name: str, namespace: str, kubeconfig: Path | None, context: str | None
) -> tuple[KubernetesObject, list[KubernetesObject]]:
    async with await connect(kubeconfig, context) as client:
        experiment = await client.get(EXPERIMENTS, namespace=namespace, name=name)
        pages = client.list(TRIALS, namespace=namespace, label_selector=f"{LABEL_EXPERIMENT}={name}")
        uid = experiment["metadata"]["uid"]
        return experiment, [trial async for page in pages for trial in page.items if _controller_uid(trial) == uid]


def _controller_uid(trial: KubernetesObject) -> str:
    return str(controller_of(trial["metadata"]).get("uid", ""))
