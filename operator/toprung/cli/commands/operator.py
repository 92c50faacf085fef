"""`toprung operator`: the operator itself, as it runs in its Pod."""

import logging
from pathlib import Path

import click

from toprung.api.pod_template.accounts import ServiceAccount
from toprung.controller.kopf_adapter import run_operator
from toprung.controller.settings import Settings
from toprung.objects.devices import ACCELERATORS, parse_accelerators


def _accelerators(_context: click.Context, _parameter: click.Parameter, text: str) -> tuple[str, ...]:
    try:
        return parse_accelerators(text)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


@click.command("operator")
@click.option("--namespace", "-n", envvar="TOPRUNG_NAMESPACE", help="Serve this namespace only  [default: all]")
@click.option("--kubeconfig", type=click.Path(path_type=Path, dir_okay=False), help="Where the cluster is.")
@click.option("--context", help="Context of the kubeconfig.")
@click.option("--workers", default=16, envvar="TOPRUNG_WORKERS", help="Experiments reconciled concurrently.")
@click.option("--liveness-port", default=0, envvar="TOPRUNG_LIVENESS_PORT", help="Port of the probes; 0: none.")
@click.option("--metrics-port", default=0, envvar="TOPRUNG_METRICS_PORT", help="Answer /metrics here; 0: nowhere.")
@click.option(
    "--accelerators",
    default=",".join(ACCELERATORS),
    callback=_accelerators,
    envvar="TOPRUNG_ACCELERATORS",
    help="Extended resources that count as devices, separated by commas; each may end in *.",
)
@click.option("--pod-namespace", envvar="TOPRUNG_POD_NAMESPACE", help="Namespace of the operator's own Pod.")
@click.option("--service-account", envvar="TOPRUNG_SERVICE_ACCOUNT", help="Its ServiceAccount, which no trial may use.")
@click.option(
    "--search-processes",
    default=2,
    type=click.IntRange(1, 64),
    envvar="TOPRUNG_SEARCH_PROCESSES",
    help="Processes for samplers that learn; one more serves the others.",
)
@click.option(
    "--search-memory",
    default=192,
    type=click.IntRange(0),
    envvar="TOPRUNG_SEARCH_MEMORY",
    help="MiB that each search process may take beyond its imports (15 to 60 MiB, gp more); 0: no limit.",
)
@click.option("--verbose", "-v", is_flag=True, help="Log every pass.")
def operator_command(  # noqa: PLR0917 - click hands them over by name
    namespace: str | None,
    kubeconfig: Path | None,
    context: str | None,
    workers: int,
    liveness_port: int,
    metrics_port: int,
    accelerators: tuple[str, ...],
    pod_namespace: str | None,
    service_account: str | None,
    search_processes: int,
    search_memory: int,
    verbose: bool,  # noqa: FBT001 - a flag of the command line
) -> None:
    """Run the operator: it serves Experiments until it is told to end."""
    logging.basicConfig(
        level=logging.DEBUG if verbose else logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    if not verbose:
        logging.getLogger("kopf.objects").setLevel(logging.WARNING)  # it tells of every event that it hands over
        logging.getLogger("aiohttp.access").setLevel(logging.WARNING)  # of every probe
    run_operator(
        Settings(
            namespace=namespace,
            kubeconfig=kubeconfig,
            context=context,
            workers=workers,
            liveness_port=liveness_port,
            metrics_port=metrics_port,
            accelerators=accelerators,
            own_account=ServiceAccount(pod_namespace, service_account) if pod_namespace and service_account else None,
            search_processes=search_processes,
            search_memory=search_memory,
        )
    )
