"""The parts that all Pods of a node share, and the operations on Pods without a worker."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from localkube.apiserver.errors import Conflict, NotFound
from localkube.apiserver.store import Store
from localkube.node.event_recorder import EventRecorder
from localkube.node.resource_accounting import Ledger
from localkube.node.runtime import Runtime
from localkube.node.volumes import Folders

Object = dict[str, Any]
WORKER_FAILED = "NodeError"


@dataclass(frozen=True, slots=True)
class Host:
    """The parts that all Pods of a node share. `released` is called when a Pod has released its resources."""

    store: Store
    runtime: Runtime
    ledger: Ledger
    record: EventRecorder
    folders: Folders
    logs: Path
    devices: tuple[str, ...]
    environment: Mapping[str, str]
    now: Callable[[], datetime]
    released: Callable[[], None]

    def log_folder(self, pod: Object) -> Path:
        """Return the folder with the logs of a Pod's containers."""
        metadata = pod["metadata"]
        return self.logs / f"{metadata['namespace']}_{metadata['name']}_{metadata['uid']}"

    def log(self, pod: Object, container: str, run: int) -> Path:
        """Return the path of the log of one run of a container; run 0 is the first."""
        return self.log_folder(pod) / container / f"{run}.log"


def remove(store: Store, pod: Object) -> None:
    """Complete a Pod's deletion when nothing of it is left on the node."""
    metadata = pod["metadata"]
    with suppress(NotFound, Conflict):
        store.delete("pods", metadata["namespace"], metadata["name"], grace=0, uid=metadata["uid"])


def failure(error: BaseException) -> str:
    """Return the message for a Pod that the node cannot run, for its status and its Event."""
    return f"The embedded node cannot run this Pod: {type(error).__name__}: {error}"


def give_up(host: Host, pod: Object, error: BaseException) -> None:
    """Fail a Pod that no worker can run, and release its resources. Raises no error that a broken Pod could cause."""
    metadata, message = pod["metadata"], failure(error)
    with suppress(NotFound, Conflict):
        current = host.store.get("pods", metadata["namespace"], metadata["name"])
        if current["metadata"]["uid"] == metadata["uid"]:
            status = {**(current.get("status") or {}), "phase": "Failed", "reason": WORKER_FAILED, "message": message}
            host.store.update("pods", {**current, "status": status}, subresource="status")
    host.record(pod, "Warning", WORKER_FAILED, message)
    host.ledger.release(metadata["uid"])
    host.released()
