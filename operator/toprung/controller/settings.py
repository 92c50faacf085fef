"""Defines the settings of the operator; `toprung operator --help` explains each."""

from dataclasses import dataclass
from pathlib import Path

from toprung.api.pod_template.accounts import ServiceAccount
from toprung.objects.devices import ACCELERATORS


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings that an administrator may choose.

    Attributes:
        namespace: the namespace to serve; None for all of the cluster.
        kubeconfig: path of the kubeconfig; None for the usual places.
        context: of the kubeconfig; None for its current one.
        workers: experiments that are reconciled concurrently.
        liveness_port: port of /healthz and /readyz; 0 disables them.
        metrics_port: port of /metrics; 0 disables it.
        accelerators: names of extended resources that count as devices; each may end in *.
        own_account: the ServiceAccount of the operator's Pod, which no trial may use; None outside of a cluster.
        search_processes: processes for samplers that learn; one more serves the others.
        search_memory: MiB that each of them may take beyond its imports; 0 for no limit.
    """

    namespace: str | None = None
    kubeconfig: Path | None = None
    context: str | None = None
    workers: int = 16
    liveness_port: int = 0
    metrics_port: int = 0
    accelerators: tuple[str, ...] = ACCELERATORS
    own_account: ServiceAccount | None = None
    search_processes: int = 2
    search_memory: int = 192
