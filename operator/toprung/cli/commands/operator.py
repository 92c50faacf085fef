"""`toprung operator`: runs the operator."""

import logging
from pathlib import Path

import click

from toprung.api.pod_template.accounts import ServiceAccount
from toprung.cli.commands.options import context_option, kubeconfig_option
from toprung.controller.kopf_adapter import run_operator
from toprung.controller.settings import Settings
from toprung.objects.devices import ACCELERATORS, parse_accelerators


def _accelerators(_context: click.Context, _parameter: click.Parameter, text: str) -> tuple[str, ...]:
    try:
        return parse_accelerators(text)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


@click.command("operator")
@click.option("--namespace", "-n", envvar="TOPRUNG_NAMESPACE", help="Namespace to serve.  [default: all]")
@kubeconfig_option
@context_option
@click.option("--workers", default=16, envvar="TOPRUNG_WORKERS", help="Number of concurrent reconciliations.")
@click.option("--liveness-port", default=0, envvar="TOPRUNG_LIVENESS_PORT", help="Port of the probes. 0: disabled.")
@click.option("--metrics-port", default=0, envvar="TOPRUNG_METRICS_PORT", help="Port of /metrics. 0: disabled.")
@click.option(
    "--accelerators",
    default=",".join(ACCELERATORS),
    callback=_accelerators,
    envvar="TOPRUNG_ACCELERATORS",
    help="Extended resources that count as accelerators, separated by commas. A name may end in *.",
)
@click.option("--pod-namespace", envvar="TOPRUNG_POD_NAMESPACE", help="Namespace of the operator's Pod.")
@click.option("--service-account", envvar="TOPRUNG_SERVICE_ACCOUNT", help="ServiceAccount that no trial may use.")
@click.option(
    "--search-processes",
    default=2,
    type=click.IntRange(1, 64),
    envvar="TOPRUNG_SEARCH_PROCESSES",
    help="Number of processes for samplers that learn. One more serves the other samplers.",
)
@click.option(
    "--search-memory",
    default=192,
    type=click.IntRange(0),
    envvar="TOPRUNG_SEARCH_MEMORY",
    help="Memory limit of a search process in MiB, beyond its imports (15 to 60 MiB, more for gp). 0: no limit.",
)
@click.option("--verbose", "-v", is_flag=True, help="Log each reconciliation.")
def operator_command(  # noqa: PLR0917 - click passes them by name
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
    """Run the operator until it receives SIGTERM or SIGINT."""
    logging.basicConfig(
        level=logging.DEBUG if verbose else logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    if not verbose:
        logging.getLogger("kopf.objects").setLevel(logging.WARNING)  # it logs each event
        logging.getLogger("aiohttp.access").setLevel(logging.WARNING)  # it logs each probe
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
