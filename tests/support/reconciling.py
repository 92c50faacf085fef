"""A reconciler whose API server rejects all writes but Events."""

from datetime import UTC, datetime
from types import SimpleNamespace

from support.experiments import body
from toprung.controller.experiment_cache import ExperimentCache
from toprung.controller.pod_events import PodEvents
from toprung.controller.reconciler import Reconciler
from toprung.kube.cache import Cache

NOW = datetime(2026, 1, 1, tzinfo=UTC)
INVALID = {**body("uid", 1), "spec": {}}


def body_of(patch):
    """Return the status that a patch produces."""
    return {"status": patch["status"]}


class Refusing:
    """A client whose API server accepts Events, and rejects other writes with an error."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    async def emit(self, *_, **__):
        pass

    async def patch(self, *_, **__):
        raise self.error


class Keys:
    """A queue that records keys and waits."""

    def __init__(self) -> None:
        self.added: list[str] = []
        self.later: list[float] = []

    def add(self, key: str) -> None:
        self.added.append(key)

    def add_after(self, _key: str, seconds: float) -> None:
        self.later.append(seconds)


def reconciler_of(error: Exception) -> Reconciler:
    """Return a reconciler with one invalid experiment. A reconciliation writes only its status."""
    experiments = ExperimentCache()
    experiments.put(INVALID)
    parts = dict.fromkeys(("trials", "log_collection", "suggestion_cache", "telemetry"))
    parts["nodes"] = SimpleNamespace(look_up=lambda _: None, models={}, close=lambda: None)
    parts["pod_events"] = PodEvents(Refusing(error), wake=lambda _: None)
    pods = Cache(convert=id, index=id, on_change=id)
    return Reconciler(
        client=Refusing(error), experiments=experiments, pods=pods, queue=Keys(), clock=lambda: NOW, **parts
    )
