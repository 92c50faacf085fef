"""A custom early-stopping rule, in an operator with its package."""

import os
from pathlib import Path

import pytest

from localkube.cluster import LocalCluster
from scenarios.examples import install_package
from support.environment import Environment, Operator, make_namespace
from toprung.kube.client import connect

ROOT = Path(__file__).parents[2]
ALWAYS_EXPLOITS = """
from toprung.early_stopping import Exploit, Decision, Verdict


class Envious:
    pauses = compares_curves = False

    def bracket(self, index):
        return 0

    def levels(self, bracket):
        return (1, 9)

    def record(self, *_):
        pass

    mark_continued = mark_finished = record

    def decide(self, result):
        return Verdict(Decision.EXPLOIT, "poor", Exploit(1 - result.index, 7, 0.0, (1.2,)))

    def next_promotion(self, *, idle_slot=False):  # noqa: ARG002 - the contract's
        return None


def make(settings, seed):
    return Envious()
"""


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Install a package with an entry point on the operator's path."""
    install_package(tmp_path, "toprung.stoppers", {"envious": "envious:make"}, {"envious": ALWAYS_EXPLOITS})
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), str(ROOT / "operator")]))


@pytest.mark.usefixtures("installed")
async def test_an_exploit_without_checkpoints_is_refused(tmp_path):
    """The condition Valid and one Event have the correction. No checkpoint is copied, and no attempt follows."""
    cluster = LocalCluster(tmp_path / "state", gpus=0, crd_dir=ROOT / "crds")
    await cluster.start()
    operator = Operator(cluster.kubeconfig_path, tmp_path / "operator.log")
    await operator.start()
    try:
        async with await connect(cluster.kubeconfig_path) as gateway:
            namespace = await make_namespace(gateway, "team")
            env = Environment(gateway, cluster.kubeconfig_path, namespace, "none", operator, None, None)
            rule = {"plugin": {"name": "envious"}}
            program = "echo epoch=1 score=0.5; sleep 60"
            await env.apply(env.experiment(program, maxTrialCount=2, earlyStopping=rule))
            condition = await env.wait_for_condition("Valid", "Invalid", status="False")
            assert "spec.earlyStopping.plugin.name" in condition["message"]
            assert "Recreate the Experiment with spec.checkpoint" in condition["message"]
            await env.wait_until_idle()
            message = condition["message"].partition("\n")[0]  # the condition also states the effect on running trials
            assert await env.events() == [("exp", "Invalid", message)]
            assert sorted(await env.pods()) == ["exp-0-1", "exp-1-1"]
    finally:
        await operator.stop()
        await cluster.stop()
    assert not operator.error_lines()
