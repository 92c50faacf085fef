"""How the operator is set up; `toprung operator --help` explains each."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Settings:
    """What an administrator may choose.

    Attributes:
        namespace: the one to serve; None for all of the cluster.
        kubeconfig: where the cluster is; None for the usual places.
        context: of the kubeconfig; None for its current one.
        workers: experiments that are reconciled concurrently.
        liveness_port: where /healthz and /readyz answer; 0 for nowhere.
        metrics_port: where /metrics answers; 0 for nowhere.
    """

    namespace: str | None = None
    kubeconfig: Path | None = None
    context: str | None = None
    workers: int = 16
    liveness_port: int = 0
    metrics_port: int = 0
