"""An Experiment with an unreadable status is reported once, and continues once it is corrected."""

from collections.abc import Mapping
from typing import Any

import pytest

from support.experiments import KEY, body
from support.reconciling import reconciler_of
from toprung.errors import NotFound
from toprung.objects.experiment import ExperimentRecord


class Stored:
    """A client with one Experiment, which merges patches of its status."""

    def __init__(self, status: Any) -> None:
        self.status, self.version = status, 2  # `reconciler_of` has version 1
        self.events: list[tuple[str, str]] = []

    @property
    def body(self) -> dict[str, Any]:
        return {**body("uid", self.version), "status": self.status}

    async def patch(self, *_: Any, body: Mapping[str, Any], **__: Any) -> dict[str, Any]:
        self.version += 1
        self.status = (self.status if isinstance(self.status, dict) else {}) | body["status"]
        return self.body

    async def emit(self, event: Any, **_: Any) -> None:
        self.events.append((event.reason, event.message))


@pytest.mark.parametrize(
    ("status", "field"),
    [
        pytest.param({"startTime": "yesterday"}, "status.startTime", id="a time"),
        pytest.param({"trials": "x", "conditions": [{"type": "Valid"}]}, "status.trials", id="counts"),
        pytest.param({"trials": {"total": 1.5}, "conditions": "x"}, "status.trials.total", id="a count"),
    ],
)
async def test_a_status_that_cannot_be_read_is_reported_once(status, field):
    """One Event and the condition Valid report it. The same status causes no second write."""
    gateway = Stored(status)
    reconciler = reconciler_of(NotFound("gone", status=404))
    reconciler.client = gateway
    reconciler.experiments.put(gateway.body)
    for _ in range(3):
        await reconciler.reconcile(KEY)
    (condition,) = gateway.status["conditions"]
    assert (condition["type"], condition["status"], condition["reason"]) == ("Valid", "False", "Invalid")
    assert condition["message"].startswith(f"{field}: Invalid value: ")
    assert (len(gateway.events), gateway.version) == (1, 3)
    gateway.version, gateway.status = 9, gateway.status | {"startTime": None, "trials": None}
    reconciler.experiments.put(gateway.body)
    assert isinstance(reconciler.experiments.get(KEY), ExperimentRecord)
