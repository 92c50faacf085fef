"""The model of accelerators comes from the labels of the node."""

import asyncio
from datetime import UTC, datetime

import pytest

from toprung.api.errors import ClusterUnavailable, Forbidden
from toprung.planning.records import PodPhase, PodRecord
from toprung.service.nodes import NodeModels

NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Nodes:
    """A gateway that returns nodes, or raises errors, in turn."""

    def __init__(self, *answers: dict | Exception) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    async def get(self, *_, name, **__):
        self.asked.append(name)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return {"metadata": {"name": name, "labels": answer}}


def pod(node: str = "n1", devices: int = 1) -> PodRecord:
    held = {"nvidia.com/gpu": devices} if devices else {}
    return PodRecord("a/e", "u", "p", "uid", "t", 1, PodPhase.RUNNING, NOW, node=node, devices=held)


async def looked_up(gateway: Nodes, *rounds: list[PodRecord]) -> NodeModels:
    nodes = NodeModels(gateway)
    for pods in rounds:
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
    """Many Pods of a node cost one request."""
    gateway = Nodes(labels)
    nodes = await looked_up(gateway, [pod(), pod()], [pod()])
    assert (nodes.models, gateway.asked) == ({"n1": model}, ["n1"])


@pytest.mark.parametrize("unused", [pod(node=""), pod(devices=0)], ids=["not scheduled", "no accelerator"])
async def test_other_nodes_are_not_read(unused):
    """A Pod without a node or without an accelerator has no model."""
    assert (await looked_up(Nodes(), [unused])).models == {}


async def test_an_operator_without_the_right_asks_once():
    """With a Role, which cannot grant nodes, no request is repeated."""
    gateway = Nodes(Forbidden("nodes is forbidden"))
    nodes = await looked_up(gateway, [pod()], [pod(), pod("n2")])
    assert (nodes.models, gateway.asked) == ({}, ["n1"])


async def test_a_failed_read_is_repeated():
    """An API server that does not answer is asked again."""
    gateway = Nodes(ClusterUnavailable("down"), {"nvidia.com/gpu.product": "H100"})
    nodes = await looked_up(gateway, [pod()], [pod()])
    assert (nodes.models, gateway.asked) == ({"n1": "H100"}, ["n1", "n1"])
