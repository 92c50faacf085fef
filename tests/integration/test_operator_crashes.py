"""The operator is killed with SIGKILL at random moments, on the embedded cluster."""

import asyncio
import json
import random
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import yaml

from localkube.cluster import LocalCluster
from toprung.kube.client import KubeClient, connect
from toprung.kube.resources import EVENTS, EXPERIMENTS, PODS, TRIALS

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
POPULATION = """
history="$TOPRUNG_CHECKPOINT_DIR/history"
mkdir -p "$TOPRUNG_CHECKPOINT_DIR"; touch "$history"
while epoch=$(wc -l < "$history"); [ "$epoch" -lt ${resource} ]; do
  sleep 0.5
  { cat "$history"; echo "$TOPRUNG_TRIAL"; } > "$history.new"
  mv "$history.new" "$history"
  echo "epoch=$((epoch + 1)) score=${parameters.x}"
done
"""
"""The checkpoint has, for each epoch, the trial that trained it."""
EPOCHS = 24
KILLS_OF_A_POPULATION = 5


def demo() -> dict:
    """Return the README's experiment with a program that takes seconds."""
    body = yaml.safe_load((ROOT / "examples/mnist.yaml").read_text())
    body["metadata"] = {"name": "demo", "namespace": "default"}
    container = {"name": "train", "image": "none", "command": ["bash", "-c", PROGRAM]}
    body["spec"]["trialTemplate"]["template"] = {
        "spec": {"terminationGracePeriodSeconds": 1, "containers": [container]}
    }
    return body


def population(keep: Path) -> dict:
    """Return an Experiment of four parallel trials with checkpoints in a folder."""
    container = {"name": "train", "image": "none", "command": ["bash", "-c", POPULATION]}
    return {
        "apiVersion": "toprung.dev/v1alpha1",
        "kind": "Experiment",
        "metadata": {"name": "demo", "namespace": "default"},
        "spec": {
            "objective": {"metric": "score", "type": "maximize"},
            "parameters": [{"name": "x", "type": "double", "min": 0, "max": 1}],
            "algorithm": {"seed": 7, "random": {}},
            "earlyStopping": {"pbt": {"perturbationInterval": 2, "maxResource": EPOCHS}},
            "parallelTrialCount": 4,
            "maxTrialCount": 4,
            "checkpoint": {"volume": {"hostPath": {"path": str(keep)}}},
            "trialTemplate": {"template": {"spec": {"terminationGracePeriodSeconds": 1, "containers": [container]}}},
        },
    }


async def objects(gateway: KubeClient, resource) -> dict[str, dict]:
    """Return all objects of a kind by name."""
    pages = [page async for page in gateway.list(resource, namespace="default")]
    return {item["metadata"]["name"]: item for page in pages for item in page.items}


async def start_operator(kubeconfig: Path) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "toprung.cli", "operator", "--namespace", "default", "--kubeconfig", str(kubeconfig)),
        stderr=asyncio.subprocess.DEVNULL,
    )


async def ended(gateway: KubeClient) -> bool:
    status = (await gateway.get(EXPERIMENTS, namespace="default", name="demo")).get("status", {})
    return "completionTime" in status


async def kill_repeatedly(
    kubeconfig: Path, times: int, moments: random.Random, look: Callable[[], Awaitable[bool]]
) -> None:
    """Start the operator and kill it, at least `times` times and until `look` returns true.

    Later kills come later.
    """
    enough, kills = False, 0
    async with asyncio.timeout(120):
        while kills < times or not enough:
            operator = await start_operator(kubeconfig)
            await asyncio.sleep(moments.uniform(1.0, 3.0) * (1 + kills // times))  # a busy machine is slow
            operator.send_signal(signal.SIGKILL)
            await operator.wait()
            enough, kills = await look(), kills + 1


async def run_to_completion(kubeconfig: Path, gateway: KubeClient) -> None:
    """Run one more operator until the experiment is complete."""
    operator = await start_operator(kubeconfig)
    async with asyncio.timeout(120):
        while not await ended(gateway):
            await asyncio.sleep(0.2)
    operator.terminate()
    await operator.wait()


@pytest.mark.parametrize("seed", [pytest.param(1, id="seed-1")])
async def test_ten_kills_change_neither_the_number_of_trials_nor_their_parameters(tmp_path, seed):
    """Written Trials do not change, each index runs once and in one attempt, and the experiment completes."""
    cluster = LocalCluster(tmp_path, gpus=0, crd_dir=ROOT / "crds")
    await cluster.start()
    try:
        async with await connect(cluster.kubeconfig_path) as gateway:
            await gateway.create(EXPERIMENTS, namespace="default", body=demo())
            seen: dict[str, dict] = {}
            progress = set()

            async def look() -> bool:
                for name, trial in (await objects(gateway, TRIALS)).items():
                    assert seen.setdefault(name, trial["spec"]) == trial["spec"]
                progress.add(len(seen))
                return len(progress) >= 4

            await kill_repeatedly(cluster.kubeconfig_path, KILLS, random.Random(seed), look)
            await run_to_completion(cluster.kubeconfig_path, gateway)
            trials, pods = await objects(gateway, TRIALS), await objects(gateway, PODS)
    finally:
        await cluster.stop()
    assert sorted(trial["spec"]["index"] for trial in trials.values()) == list(range(24))
    assert {name: trials[name]["spec"] for name in seen} == seen
    assert {trial["status"]["attempt"] for trial in trials.values()} == {1}
    assert sorted(pods) == sorted(f"{name}-1" for name in trials)


async def test_kills_during_exploits_lose_none_and_repeat_none(tmp_path):
    """Each exploit is written once, one attempt follows with its parameters, and each epoch is trained once."""
    cluster = LocalCluster(tmp_path, gpus=0, crd_dir=ROOT / "crds")
    await cluster.start()
    try:
        async with await connect(cluster.kubeconfig_path) as gateway:
            made = await gateway.create(EXPERIMENTS, namespace="default", body=population(tmp_path / "keep"))
            seen: dict[str, list[dict]] = {}

            async def look() -> bool:
                for name, trial in (await objects(gateway, TRIALS)).items():
                    before, now = seen.get(name, []), trial.get("status", {}).get("lineage", [])
                    assert now[: len(before)] == before
                    seen[name] = now
                return any(seen.values())

            await kill_repeatedly(cluster.kubeconfig_path, KILLS_OF_A_POPULATION, random.Random(1), look)
            await run_to_completion(cluster.kubeconfig_path, gateway)
            await look()
            trials, pods = await objects(gateway, TRIALS), await objects(gateway, PODS)
            events = await objects(gateway, EVENTS)
    finally:
        await cluster.stop()
    assert sorted(trials) == [f"demo-{index}" for index in range(4)]
    assert sorted(pods) == sorted(f"{name}-{n + 1}" for name in trials for n in range(len(seen[name]) + 1))
    exploited = [each["involvedObject"]["name"] for each in events.values() if each["reason"] == "Exploited"]
    for name, trial in trials.items():
        status, lineage = trial["status"], seen[name]
        assert (status["state"], status["failures"], status["disruptions"]) == ("Succeeded", 0, 0)
        exploits = {
            rung["time"] for rung in status["rungs"] if rung["verdict"] == "Exploit"
        }  # one report may cross two rungs
        assert len(exploits) == len(lineage) == status["attempt"] - 1
        assert len({rung["resource"] for rung in status["rungs"]}) == len(status["rungs"])
        assert exploited.count(name) <= len(lineage)
        ran = [trial["spec"]["parameters"], *(each["parameters"] for each in lineage)]
        assert [parameters_of(pods[f"{name}-{n}"]) for n in range(1, len(ran) + 1)] == ran
        folder = tmp_path / "keep" / f"demo-{made['metadata']['uid'][:8]}" / name
        assert_each_epoch_trained_once(lineage, name, (folder / "history").read_text().split())


def parameters_of(pod: dict) -> dict:
    """Return the parameters in the environment of a Pod's program."""
    environment = {each["name"]: each.get("value") for each in pod["spec"]["containers"][0]["env"]}
    return json.loads(environment["TOPRUNG_PARAMETERS"])


def assert_each_epoch_trained_once(lineage: list[dict], name: str, history: list[str]) -> None:
    """Check that a checkpoint has each epoch once.

    The last epochs are the trial's own. Earlier ones are another trial's if it exploited it.
    """
    assert (len(history), history[-1]) == (EPOCHS, name)
    own = next((n for n, each in enumerate(reversed(history)) if each != name), EPOCHS)
    assert (own < EPOCHS) == bool(lineage)
