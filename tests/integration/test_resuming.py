"""The torch example resumes on the embedded cluster, bit for bit as an uninterrupted run."""

import asyncio
import io
import json
import math
import sys
from collections.abc import AsyncIterator
from contextlib import redirect_stdout
from pathlib import Path

import pytest
import pytest_asyncio

torch = pytest.importorskip("torch")
from localkube.cluster import LocalCluster  # noqa: E402
from support.environment import Environment, Operator, make_namespace  # noqa: E402
from toprung.kube.client import connect  # noqa: E402
from toprung_trial.examples import train_mnist  # noqa: E402

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(sys.platform != "linux", reason="processes are ended by their groups"),
]

ROOT = Path(__file__).parents[2]
FIXED = ("--layers=1", "--channels=8", "--batch=64", "--opt=adam", "--threads=1")
SLOW, FAST = 1e-6, 3e-3
"""Learning rates: the lower bound, which is too small to learn, and the upper bound."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def environments(tmp_path_factory) -> AsyncIterator:
    """Create namespaces on one cluster with a single GPU."""
    folder = tmp_path_factory.mktemp("resuming")
    cluster = LocalCluster(folder, gpus=1, crd_dir=ROOT / "crds")
    await cluster.start()
    operator = Operator(cluster.kubeconfig_path, folder / "operator.log")
    await operator.start()
    try:
        async with await connect(cluster.kubeconfig_path) as gateway:

            async def make(name: str) -> Environment:
                namespace = await make_namespace(gateway, name)
                return Environment(
                    gateway, cluster.kubeconfig_path, namespace, "none", operator, None, None, timeout=90
                )

            yield make
    finally:
        await operator.stop()
        await cluster.stop()
    assert not operator.error_lines()


def training(env: Environment, name: str, keep: Path, *more: str, first: str = "", gpus: int = 0, **spec) -> dict:
    """Return an Experiment that trains the example on the CPU, with checkpoints in a folder.

    Args:
        first: shell commands before the program.
        more: further arguments of the program.
    """
    program = [sys.executable, "-m", "toprung_trial.examples.train_mnist", *FIXED, *more]
    return env.experiment(
        f"{first}exec {' '.join(program)}",
        name=name,
        container={
            "env": [{"name": "PYTHONPATH", "value": str(ROOT / "trial-image")}],
            "resources": {"limits": {"nvidia.com/gpu": gpus}} if gpus else {},
        },
        objective={"metric": "val_accuracy", "type": "maximize"},
        parameters=[
            {"name": "lr", "type": "double", "min": SLOW, "max": FAST, "scale": "log"},
            {"name": "dropout", "type": "double", "min": 0, "max": 0.6},
        ],
        checkpoint={"volume": {"hostPath": {"path": str(keep)}}},
        pod={"terminationGracePeriodSeconds": 20},
        **spec,
    )


async def checkpoint_folder(env: Environment, keep: Path, trial: str) -> Path:
    """Return the folder of a trial's checkpoints."""
    name = trial.rpartition("-")[0]
    uid = (await env.get(name))["metadata"]["uid"]
    return keep / f"{name}-{uid[:8]}" / trial


async def reports(env: Environment, pod: str) -> list[dict]:
    """Return the reports that a Pod printed."""
    return [json.loads(line) for line in (await env.log(pod)).splitlines() if line.startswith("{")]


def weights_and_moments(path: Path) -> tuple[dict, dict]:
    """Return the weights and the optimizer's moments of a checkpoint."""
    state = torch.load(path, weights_only=True)
    return state["network"], state["optimizer"]["state"]


def train_here(monkeypatch, folder: Path, resource: int, parameters: dict) -> list[dict]:
    """Run one attempt of the example in this process and return its reports."""
    for name, value in (("CHECKPOINT_DIR", folder), ("RESOURCE", resource), ("PARAMETERS", json.dumps(parameters))):
        monkeypatch.setenv(f"TOPRUNG_{name}", str(value))
    threads, output = torch.get_num_threads(), io.StringIO()
    try:
        with redirect_stdout(output):
            train_mnist.main(list(FIXED))
    finally:
        torch.set_num_threads(threads)
    return [json.loads(line) for line in output.getvalue().splitlines()]


def assert_same(one: Path, other: Path) -> None:
    """Check that two checkpoints have the same weights and moments, bit for bit."""
    torch.testing.assert_close(weights_and_moments(one), weights_and_moments(other), rtol=0, atol=0)


async def test_a_promoted_trial_trains_as_if_it_had_never_paused(environments, tmp_path):
    """A paused trial has neither slot nor GPU. A promoted trial has the curve and weights of one attempt.
    Both programs run on the CPU with one thread and draw random numbers by (seed, epoch), so that all bits
    agree.
    """
    rung, end, env = 5, 9, await environments("promotion")
    asha = {"minResource": rung, "maxResource": end, "reductionFactor": 2, "variant": "promotion"}
    first, second = {"lr": FAST, "dropout": 0.3}, {"lr": SLOW, "dropout": 0}
    parts = training(
        *(env, "parts", tmp_path),
        gpus=1,
        initialTrials=[first, second],
        maxTrialCount=2,
        parallelTrialCount=1,
        earlyStopping={"asha": asha},
    )
    whole = training(env, "whole", tmp_path, f"--epochs={end}", initialTrials=[first], maxTrialCount=1)
    await env.apply(parts)
    await env.apply(whole)

    async def other_trial_runs() -> bool:
        states = [trial.get("status", {}).get("state") for trial in await env.trials("parts")]
        alive = await env.pods("parts", alive=True)
        return states == ["Paused", "Running"] and list(alive) == ["parts-1-1"]

    await env.wait_until(other_trial_runs, "parts-0 is paused, and parts-1 has the slot and the only GPU")
    paused = (await env.pods("parts"))["parts-0-1"]["status"]
    assert (paused["phase"], paused["reason"]) == ("Failed", "DeadlineExceeded")
    await env.wait_until_complete("parts")
    await env.wait_until_complete("whole")

    resumed, uninterrupted = (await env.trial(0, "parts"))["status"], (await env.trial(0, "whole"))["status"]
    assert (resumed["state"], resumed["attempt"]) == ("Succeeded", 2)
    assert (resumed["failures"], resumed["disruptions"]) == (0, 0)
    assert [(each["resource"], each["verdict"]) for each in resumed["rungs"]] == [(rung, "Promote"), (end, "Continue")]
    before, after = [await reports(env, f"parts-0-{attempt}") for attempt in (1, 2)]
    assert len(before) >= rung
    assert after
    assert [*before, *after] == await reports(env, "whole-0-1")
    assert [step for step, _ in resumed["curve"]] == list(range(1, end + 1))
    assert resumed["curve"] == uninterrupted["curve"]
    assert resumed["best"]["value"] == uninterrupted["best"]["value"]
    one, other = [await checkpoint_folder(env, tmp_path, trial) / f"epoch-{end}" for trial in ("parts-0", "whole-0")]
    assert_same(one, other)


async def test_a_trial_that_exploits_continues_from_the_weights_of_its_source(environments, tmp_path, monkeypatch):
    """Its weights are those of the source at that epoch. It then trains with the parameters of its lineage."""
    end, env = 10, await environments("population")
    body = training(
        *(env, "pop", tmp_path),
        first='cp -a "$TOPRUNG_CHECKPOINT_DIR" "$TOPRUNG_CHECKPOINT_DIR.found-by-$TOPRUNG_ATTEMPT"; ',
        initialTrials=[{"lr": FAST, "dropout": 0.3}, {"lr": SLOW, "dropout": 0.1}],
        maxTrialCount=2,
        parallelTrialCount=2,
        earlyStopping={
            "pbt": {
                "perturbationInterval": 2,
                "maxResource": end,
                "resampleProbability": 0,
                "perturbationFactors": [1.2],
            }
        },
    )
    await env.apply(body)
    await env.wait_until_complete("pop")

    trials = [await env.trial(index, "pop") for index in (0, 1)]
    statuses = [trial["status"] for trial in trials]
    exploits = [sum(rung["verdict"] == "Exploit" for rung in status["rungs"]) for status in statuses]
    assert [(status["state"], status["attempt"]) for status in statuses] == [("Succeeded", 1 + n) for n in exploits]
    attempts = [[each["attempt"] for each in status["lineage"]] for status in statuses]
    assert attempts == [list(range(2, 2 + n)) for n in exploits]
    exploit = trials[1]["status"]["lineage"][0]
    assert exploit["from"] == "pop-0"
    assert trials[1]["spec"]["parameters"] == {"lr": SLOW, "dropout": 0.1}
    assert exploit["parameters"]["lr"] == FAST, "1.2 times the upper bound is clipped to it"
    assert math.isclose(exploit["parameters"]["dropout"], 0.3 * 1.2)

    own = await checkpoint_folder(env, tmp_path, "pop-1")
    # Two files if the source saved an epoch during the copy and had not yet removed the previous one.
    found = {int(path.name[6:]): path for path in own.with_name("pop-1.found-by-2").glob("epoch-*")}
    epoch, again = max(found), tmp_path / "again"
    source = trials[0]["spec"]["parameters"]
    await asyncio.to_thread(train_here, monkeypatch, again, epoch, source)
    assert_same(found[epoch], again / f"epoch-{epoch}")
    curve = await asyncio.to_thread(train_here, monkeypatch, again, end, exploit["parameters"])
    after = await reports(env, "pop-1-2")
    assert after
    assert after == curve[: len(after)]
