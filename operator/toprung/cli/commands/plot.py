"""`toprung plot`: the picture of an experiment on any cluster."""

import asyncio
from pathlib import Path

import click

from toprung.api.names import LABEL_EXPERIMENT
from toprung.cli.files.manifests import DEFAULT_NAMESPACE
from toprung.cli.plots.experiment import draw
from toprung.cli.plots.output_file import picture_file
from toprung.kube.client import KubernetesObject, connect
from toprung.kube.resources import EXPERIMENTS, TRIALS
from toprung.objects.owner_references import controller_of


@click.command("plot")
@click.argument("name")
@click.option("--namespace", "-n", default=DEFAULT_NAMESPACE, help="Where the Experiment is.")
@click.option("--kubeconfig", type=click.Path(path_type=Path, dir_okay=False), help="Where the cluster is.")
@click.option("--context", help="Context of the kubeconfig.")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    callback=picture_file,
    required=True,
    help="PNG, SVG or PDF to write.",
)
def plot_command(name: str, namespace: str, kubeconfig: Path | None, context: str | None, output: Path) -> None:
    """Draw the curves of Experiment NAME, at any time of its life.

    The best value so far over time, the learning curves of all trials, and of several objectives the Pareto front; on
    any cluster, as kubectl finds it.
    """
    experiment, trials = asyncio.run(_read(name, namespace, kubeconfig, context))
    draw(experiment, trials, output)


async def _read(
    name: str, namespace: str, kubeconfig: Path | None, context: str | None
) -> tuple[KubernetesObject, list[KubernetesObject]]:
    async with await connect(kubeconfig, context) as gateway:
        experiment = await gateway.get(EXPERIMENTS, namespace=namespace, name=name)
        pages = gateway.list(TRIALS, namespace=namespace, label_selector=f"{LABEL_EXPERIMENT}={name}")
        uid = experiment["metadata"]["uid"]
        return experiment, [trial async for page in pages for trial in page.items if _owner(trial) == uid]


def _owner(trial: KubernetesObject) -> str:
    return str(controller_of(trial["metadata"]).get("uid", ""))
