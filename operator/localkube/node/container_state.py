"""The states of a container as the kubelet reports them. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from localkube.apiserver.formats import stamp
from localkube.node.runtime import Exit

Object = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Waiting:
    """A container that is not running yet, or not running again yet."""

    reason: str = "ContainerCreating"
    message: str = ""

    def json(self) -> Object:
        """Return the state as in `containerStatuses[].state`."""
        return {"waiting": {"reason": self.reason} | ({"message": self.message} if self.message else {})}


@dataclass(frozen=True, slots=True)
class Running:
    """A container that runs."""

    started_at: datetime

    def json(self) -> Object:
        """Return the state as in `containerStatuses[].state`."""
        return {"running": {"startedAt": stamp(self.started_at)}}


@dataclass(frozen=True, slots=True)
class Terminated:
    """A container that has ended. `code` is as a shell shows it (128 + signal); `signal` is 0 if none."""

    code: int
    reason: str
    started_at: datetime
    finished_at: datetime
    signal: int = 0
    message: str = ""
    id: str = ""

    def json(self) -> Object:
        """Return the state as in `containerStatuses[].state`."""
        body: Object = {
            "exitCode": self.code,
            "reason": self.reason,
            "startedAt": stamp(self.started_at),
            "finishedAt": stamp(self.finished_at),
        }
        if self.signal:
            body["signal"] = self.signal
        if self.message:
            body["message"] = self.message
        return {"terminated": body | ({"containerID": f"process://{self.id}"} if self.id else {})}


State = Waiting | Running | Terminated


@dataclass(frozen=True, slots=True)
class Container:
    """A container of the Pod and its state; `restarts` counts its runs after the first."""

    name: str
    image: str = ""
    state: State = Waiting()
    last: Terminated | None = None
    restarts: int = 0
    id: str = ""
    sidecar: bool = False

    @property
    def initialized(self) -> bool:
        """Return whether the containers after this init container may start: it has succeeded, or is a running sidecar."""
        return (isinstance(self.state, Running) or self.last is not None) if self.sidecar else self.succeeded

    @property
    def succeeded(self) -> bool:
        """Return whether it ended with code 0."""
        return isinstance(self.state, Terminated) and self.state.code == 0

    def to(self, state: State) -> Container:
        """Return the container in its next state. The end of an earlier run becomes `lastState`."""
        last = self.state if isinstance(self.state, Terminated) else self.last
        return replace(self, state=state, last=last)

    def json(self, *, init: bool) -> Object:
        """Return the container as an entry of `containerStatuses`."""
        running = isinstance(self.state, Running)
        return {
            "name": self.name,
            "image": self.image,
            "imageID": "",
            "containerID": f"process://{self.id}" if self.id else "",
            "ready": self.succeeded if init and not self.sidecar else running,
            "started": running,
            "restartCount": self.restarts,
            "state": self.state.json(),
            "lastState": self.last.json() if self.last else {},
        }


def terminated(end: Exit, started: datetime, name: str) -> Terminated:
    """Return the state of a container after its run `name` has ended."""
    reason = "Completed" if end.code == 0 else "Error"
    return Terminated(end.code, reason, started, end.at, end.signal, end.message, name)
