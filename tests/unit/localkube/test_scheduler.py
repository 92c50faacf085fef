"""The scheduler: the order of Pods, their GPUs, and the conditions of pending Pods."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from localkube.node import gpus
from localkube.node.gpus import ANNOTATION
from support.node import FakeRuntime, Machine, container, machine, pod, until

NO_VICTIMS = "preemption: 0/1 nodes are available: 1 No preemption victims found for incoming pod."
NOT_HELPFUL = "preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling."


def asks(**amounts: str) -> dict[str, object]:
    return {"resources": {"limits": {name.replace("gpu", "nvidia.com/gpu"): text for name, text in amounts.items()}}}


@pytest.mark.parametrize(
    ("fields", "spec", "reason", "preemption"),
    [
        pytest.param(asks(cpu="4000"), {}, "1 Insufficient cpu.", NOT_HELPFUL, id="cpu"),
        pytest.param(asks(memory="4Pi"), {}, "1 Insufficient memory.", NOT_HELPFUL, id="memory"),
        pytest.param(asks(gpu="3"), {}, "1 Insufficient nvidia.com/gpu.", NOT_HELPFUL, id="more-gpus-than-there-are"),
        pytest.param(asks(gpu="2"), {}, "1 Insufficient nvidia.com/gpu.", NO_VICTIMS, id="more-gpus-than-are-free"),
        pytest.param(
            asks(cpu="4000", memory="4Pi"), {}, "1 Insufficient cpu, 1 Insufficient memory.", NOT_HELPFUL, id="both"
        ),
        pytest.param(
            {},
            {"nodeSelector": {"disk": "ssd"}},
            "1 node(s) didn't match Pod's node affinity/selector.",
            NOT_HELPFUL,
            id="selector",
        ),
    ],
)
async def test_an_unschedulable_pod_gets_one_condition_and_event(
    tmp_path: Path, fields: dict[str, object], spec: dict[str, object], reason: str, preemption: str
) -> None:
    """Condition and Event have kube-scheduler's message, and further attempts write nothing."""
    async with machine(tmp_path, FakeRuntime(), gpus=2) as m:
        m.create(pod("first", container("true", gpus=1)))
        m.create(pod("waits", {**container("true"), **fields}, **spec))
        await until(lambda: m.events("FailedScheduling"))
        version = m.get("waits")["metadata"]["resourceVersion"]
        m.create(pod("another", container("true")))
        await until(lambda: m.get("another")["spec"].get("nodeName"))
        scheduled = m.condition("waits", "PodScheduled")
        assert (scheduled["status"], scheduled["reason"]) == ("False", "Unschedulable")
        assert scheduled["message"] == f"0/1 nodes are available: {reason} {preemption}"
        assert m.get("waits")["metadata"]["resourceVersion"] == version
        assert [event["count"] for event in m.events("FailedScheduling")] == [1]


async def test_pods_are_bound_in_order_and_do_not_block_others(tmp_path: Path) -> None:
    """The older of two Pods gets the GPU for which both wait, and a Pod without GPUs starts before both."""
    runtime = FakeRuntime()
    async with machine(tmp_path, runtime, gpus=1) as m:
        for name in ("a", "b", "c"):
            m.create(pod(name, container("true", gpus=1)))
        m.create(pod("free", container("true")))
        await until(lambda: len(runtime.running) == 2)
        started = []
        for _ in range(3):
            holder = next(p for p in runtime.running if p.program.env["CUDA_VISIBLE_DEVICES"])
            started.append(holder.program.env["HOSTNAME"])
            holder.finish()
            await m.ended(started[-1])
            for _ in range(20):  # let the next Pod start
                await asyncio.sleep(0)
        assert started == ["a", "b", "c"]


async def test_gpus_are_named_to_the_program_and_kept_in_an_annotation(tmp_path: Path) -> None:
    """Each Pod sees its own indices; a Pod without GPUs sees none."""
    runtime = FakeRuntime()
    async with machine(tmp_path, runtime, gpus=3) as m:
        m.create(pod("two", container("true", gpus=2)))
        m.create(pod("one", container("true", gpus=1)))
        m.create(pod("none", container("true")))
        await until(lambda: len(runtime.running) == 3)
        seen = {p.program.env["HOSTNAME"]: p.program.env["CUDA_VISIBLE_DEVICES"] for p in runtime.running}
        assert seen == {"two": "0,1", "one": "2", "none": ""}
        assert m.get("two")["metadata"]["annotations"][ANNOTATION] == "0,1"


async def test_a_gpu_is_held_until_its_process_is_gone(tmp_path: Path) -> None:
    """A Pod removed by force leaves the API immediately and releases its GPU with its last process."""
    runtime = FakeRuntime(deaf=True)
    async with machine(tmp_path, runtime, gpus=1) as m:
        m.create(pod("stubborn", container("true", gpus=1)))
        await until(lambda: runtime.running)
        m.store.delete("pods", "default", "stubborn", grace=0)
        m.create(pod("next", container("true", gpus=1)))
        await until(lambda: m.events("FailedScheduling"))
        await until(lambda: 9 in runtime.processes[0].signals)
        assert len(runtime.processes) == 1
        runtime.processes[0].finish(137)
        await until(lambda: len(runtime.processes) == 2)
        runtime.processes[1].finish()


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("create"), st.integers(0, 3)),
        st.tuples(st.just("finish"), st.integers(0, 9)),
        st.tuples(st.just("delete"), st.integers(0, 9)),
        st.tuples(st.just("force"), st.integers(0, 9)),
    ),
    max_size=30,
)


async def _play(m: Machine, runtime: FakeRuntime, steps: list[tuple[str, int]], check: Callable[[], None]) -> None:
    for number, (step, argument) in enumerate(steps):
        pods = m.store.list("pods")[0]
        if step == "create":
            m.create(pod(f"p{number}", container("true", gpus=argument)))
        elif step == "finish" and runtime.running:
            runtime.running[argument % len(runtime.running)].finish()
        elif step in ("delete", "force") and pods:
            name = pods[argument % len(pods)]["metadata"]["name"]
            m.store.delete("pods", "default", name, grace=0 if step == "force" else 5)
        for _ in range(12):
            await asyncio.sleep(0)
            check()


@settings(max_examples=40, deadline=None)
@given(STEPS, st.integers(0, 4))
def test_gpus_are_never_shared(steps: list[tuple[str, int]], total: int) -> None:
    """In any sequence of creation, end, deletion and removal, two living processes never hold the same index, and every
    index exists.
    """

    async def play() -> None:
        runtime = FakeRuntime(deaf=True)

        def check() -> None:
            given = [i for p in runtime.running for i in p.program.env["CUDA_VISIBLE_DEVICES"].split(",") if i]
            assert len(given) == len(set(given))
            assert {int(i) for i in given} <= set(range(total))

        with tempfile.TemporaryDirectory() as folder:
            async with machine(Path(folder), runtime, gpus=total) as m:
                await _play(m, runtime, steps, check)
                runtime.deaf = False
                async with asyncio.timeout(20):
                    while runtime.running or m.ledger.used(gpus.GPU):  # every resource is released in the end
                        for process in runtime.running:
                            process.finish()
                        await asyncio.sleep(0)
                        check()

    asyncio.run(play())


@pytest.mark.parametrize(
    ("listing", "visible", "expected"),
    [
        pytest.param("GPU 0: A (UUID: x)\\nGPU 1: A (UUID: y)\\n", None, 2, id="all"),
        pytest.param("GPU 0: A (UUID: x)\\nGPU 1: A (UUID: y)\\n", "1", 1, id="narrowed"),
        pytest.param("No devices were found\\n", None, 0, id="driver-without-devices"),
        pytest.param(None, None, 0, id="no-driver"),
    ],
)
def test_gpus_are_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, listing: str | None, visible: str | None, expected: int
) -> None:
    """The count is that of nvidia-smi, limited by CUDA_VISIBLE_DEVICES."""
    if listing is not None:
        program = tmp_path / "nvidia-smi"
        program.write_text(f"#!/bin/sh\nprintf '{listing}'\n")
        program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert gpus.count() == expected
