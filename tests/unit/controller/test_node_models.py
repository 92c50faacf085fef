"""The model of accelerators, from the labels of the node."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from toprung.controller import node_models as module
from toprung.controller.node_models import RETRY_AFTER, NodeModels
from toprung.errors import ClusterUnavailable, Forbidden, NotFound
from toprung.objects.pod import PodPhase, PodRecord

NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Nodes:
    """A client that returns nodes or raises errors, in turn."""

    def __init__(self, *answers: dict | Exception) -> None:
        self.answers = list(answers)
        self.requested: list[str] = []

    async def get(self, *_, name, **__):
        self.requested.append(name)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return {"metadata": {"name": name, "labels": answer}}


def pod(node: str = "n1", devices: int = 1) -> PodRecord:
    held = {"nvidia.com/gpu": devices} if devices else {}
    return PodRecord("a/e", "u", "p", "uid", "t", 1, PodPhase.RUNNING, NOW, node=node, devices=held)


async def looked_up(gateway: Nodes, *rounds: list[PodRecord], every: timedelta = timedelta(seconds=1)) -> NodeModels:
    """Look up the nodes of the Pods of each round. The rounds are `every` apart."""
    now = NOW
    nodes = NodeModels(gateway, lambda: now)
    for pods in rounds:
        now += every
        nodes.look_up(pods)
        for _ in range(5):
            await asyncio.sleep(0)
    return nodes


@pytest.mark.parametrize(
    ("labels", "model"),
    [
        pytest.param({"nvidia.com/gpu.product": "NVIDIA-H100"}, "NVIDIA-H100", id="NVIDIA"),
        pytest.param({"cloud.google.com/gke-tpu-accelerator": "tpu-v5"}, "tpu-v5", id="TPU"),
        pytest.param({"other": "x"}, "", id="no label"),
        pytest.param(None, "", id="no labels"),
        pytest.param({"nvidia.com/gpu.product": "x" * 1000}, "x" * 253, id="too long"),
    ],
)
async def test_a_node_is_read_once(labels, model):
    """Many Pods of a node cause one request."""
    gateway = Nodes(labels)
    nodes = await looked_up(gateway, [pod(), pod()], [pod()])
    assert (nodes.models, gateway.requested) == ({"n1": model}, ["n1"])


@pytest.mark.parametrize("unused", [pod(node=""), pod(devices=0)], ids=["not scheduled", "no accelerator"])
async def test_other_nodes_are_not_read(unused):
    """A Pod without a node or an accelerator has no model."""
    assert (await looked_up(Nodes(), [unused])).models == {}


async def test_a_forbidden_request_is_not_repeated():
    """A Role cannot grant access to nodes."""
    gateway = Nodes(Forbidden("nodes is forbidden"))
    nodes = await looked_up(gateway, [pod()], [pod(), pod("n2")])
    assert (nodes.models, gateway.requested) == ({}, ["n1"])


NO_ANSWER = ClusterUnavailable("down")
GONE = NotFound("nodes n1 not found")


@pytest.mark.parametrize("answer", [NO_ANSWER, GONE, {}], ids=["no answer", "node is gone", "not labeled yet"])
@pytest.mark.parametrize(
    ("every", "reads", "model"),
    [
        pytest.param(RETRY_AFTER / 10, 1, None, id="soon after"),
        pytest.param(RETRY_AFTER, 2, "H100", id="later"),
    ],
)
async def test_a_node_without_a_model_is_read_again_after_five_minutes(answer, every, reads, model):
    """Reconciliations in between cause no request."""
    gateway = Nodes(answer, {"nvidia.com/gpu.product": "H100"})
    nodes = await looked_up(gateway, *[[pod()]] * 4, every=every)
    assert (nodes.models.get("n1") or None, len(gateway.requested)) == (model, reads)


async def test_a_failure_is_logged_once(caplog):
    """The log does not repeat it every five minutes."""
    await looked_up(Nodes(GONE, GONE, GONE), [pod()], [pod()], [pod()], every=RETRY_AFTER)
    assert caplog.text.count("a node could not be read") == 1


async def test_old_nodes_are_dropped(monkeypatch):
    """An autoscaled cluster has a new name for each node."""
    monkeypatch.setattr(module, "MAX_KEPT", 2)
    model = {"nvidia.com/gpu.product": "H100"}
    nodes = await looked_up(Nodes(model, model, GONE, model), *[[pod(f"n{i}")] for i in range(4)])
    assert list(nodes.models) == ["n1", "n3"]
