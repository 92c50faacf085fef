"""A reconciler, and API servers that accept or reject its writes."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

from support.experiments import body
from toprung.controller.experiment_cache import ExperimentCache
from toprung.controller.pod_events import PodEvents
from toprung.controller.reconciler import Reconciler
from toprung.controller.suggestion_cache import PendingSuggestions
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


class Accepting(Refusing):
    """A client that accepts the status and records the Events."""

    def __init__(self, error: Exception | None = None, *, valid: bool = False) -> None:
        super().__init__(error)
        self.stored = body("uid", 2) if valid else INVALID
        self.events: list[tuple[str, str]] = []
        self.version = 5

    async def patch(self, *_, body, **__):
        self.version += 1
        metadata = {**self.stored["metadata"], "resourceVersion": str(self.version)}
        return {**self.stored, "metadata": metadata, **body_of(body)}

    async def emit(self, event, *, now):  # noqa: ARG002
        if self.error is not None:
            raise self.error
        self.events.append((event.reason, event.message))


class Failed:
    """A suggestion cache whose sampler failed and is retried a minute later."""

    def pending(self, _experiment):
        return PendingSuggestions(error="no idea")

    def request(self, *_):
        return NOW + timedelta(minutes=1)


class NoLogs:
    """A log collection without followers."""

    def follow(self, *_):
        pass

    def collected(self, _key):
        return {}


class Failing(Accepting):
    """A client with one kind of failing requests. It counts the requests."""

    def __init__(self, *, status=None, event=None) -> None:
        super().__init__(valid=True)
        self.status, self.event, self.patches, self.emitted = status, event, 0, 0

    async def patch(self, *args, **fields):
        self.patches += 1
        if self.status is not None:
            raise self.status
        return await super().patch(*args, **fields)

    async def emit(self, _event, *, now):  # noqa: ARG002
        self.emitted += 1
        if self.event is not None:
            raise self.event


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
