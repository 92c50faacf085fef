"""The operator killed with -9 at random moments, on the embedded cluster."""

import asyncio
import random
import signal
import sys
from pathlib import Path

import pytest
import yaml

from toprung.cluster.gateway import Gateway, connect
from toprung.cluster.resources import EXPERIMENTS, PODS, TRIALS
from toprung.local.cluster import LocalCluster

ROOT = Path(__file__).parents[2]
PROGRAM = """
i=1
while [ $i -le 9 ]; do
  sleep 0.6
  echo "epoch=$i val_accuracy=0.$i$((RANDOM % 90 + 10))"
  i=$((i + 1))
done
"""
KILLS = 10


def demo() -> dict:
    """The README's experiment, with a program that takes a second instead of half a minute."""
    body = yaml.safe_load((ROOT / "examples/mnist.yaml").read_text())
    body["metadata"] = {"name": "demo", "namespace": "default"}
    container = {"name": "train", "image": "none", "command": ["bash", "-c", PROGRAM]}
    body["spec"]["trialTemplate"]["template"] = {
        "spec": {"terminationGracePeriodSeconds": 1, "containers": [container]}
    }
    return body


async def objects(gateway: Gateway, resource) -> dict[str, dict]:
    """All objects of a kind, by name."""
    pages = [page async for page in gateway.list(resource, namespace="default")]
    return {item["metadata"]["name"]: item for page in pages for item in page.items}


async def an_operator(kubeconfig: Path) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "toprung.cli", "operator", "--namespace", "default", "--kubeconfig", str(kubeconfig)),
        stderr=asyncio.subprocess.DEVNULL,
    )


async def ended(gateway: Gateway) -> bool:
    status = (await gateway.get(EXPERIMENTS, namespace="default", name="demo")).get("status", {})
    return "completionTime" in status


@pytest.mark.parametrize("seed", [pytest.param(1, id="seed-1")])
async def test_ten_kills_change_neither_the_number_of_trials_nor_their_parameters(tmp_path, seed):
    """What was written stays, every index is run once and in one attempt, and the experiment still comes to its end."""
    moments, cluster = random.Random(seed), LocalCluster(tmp_path, gpus=0, crd_dir=ROOT / "crds")
    await cluster.start()
    try:
        async with await connect(cluster.kubeconfig_path) as gateway:
            await gateway.create(EXPERIMENTS, namespace="default", body=demo())
            seen: dict[str, dict] = {}
            progress = set()
            for _ in range(KILLS):
                operator = await an_operator(cluster.kubeconfig_path)
                await asyncio.sleep(moments.uniform(1.0, 3.0))
                operator.send_signal(signal.SIGKILL)
                await operator.wait()
                for name, trial in (await objects(gateway, TRIALS)).items():
                    assert seen.setdefault(name, trial["spec"]) == trial["spec"]
                progress.add(len(seen))
            assert len(progress) >= 4, f"most kills came while nothing went on: {progress}"
            operator = await an_operator(cluster.kubeconfig_path)
            async with asyncio.timeout(120):
                while not await ended(gateway):
                    await asyncio.sleep(0.2)
            operator.terminate()
            await operator.wait()
            trials, pods = await objects(gateway, TRIALS), await objects(gateway, PODS)
    finally:
        await cluster.stop()
    assert sorted(trial["spec"]["index"] for trial in trials.values()) == list(range(24))
    assert {name: trials[name]["spec"] for name in seen} == seen
    assert {trial["status"]["attempt"] for trial in trials.values()} == {1}
    assert sorted(pods) == sorted(f"{name}-1" for name in trials)
