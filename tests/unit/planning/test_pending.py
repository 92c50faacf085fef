"""Trials that wait for their Pods, and corrections of their template."""

from dataclasses import replace
from datetime import timedelta

import pytest

from support.specs import MAIN, experiment_spec
from support.world import START, Program, World, summary_of
from toprung.api.v1alpha1.conditions import Reason
from toprung.objects.pod import pod_from
from toprung.planning.actions import CreatePod, DeletePod

GATED = {"type": "PodScheduled", "status": "False", "reason": "SchedulingGated"}
NOT_READY = {"type": "PodReadyToStartContainers", "status": "False"}
PULL = {"name": "main", "state": {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}}}
SETUP = {"name": "setup", "state": {"running": {}}}
FIXED = {"template": {"spec": {"containers": [{**MAIN, "image": "right"}]}}}


def waiting_world(status, seconds=6, *, scheduled=True, **spec):
    """Return a world whose Pods have waited with this status for so many seconds."""
    world = World(experiment_spec(**spec), lambda *_: Program((0.5,) * 9))
    world.execute(world.plan())
    world.now += timedelta(seconds=seconds)
    for body in world.pods.values():
        body["status"] = {"phase": "Pending", **status}
        body["spec"] |= (
            {"nodeName": "node"} if scheduled else {"schedulingGates": [{"name": "kueue.x-k8s.io/admission"}]}
        )
    return world


def running_of(status):
    return next(each for each in status["conditions"] if each["type"] == "Running")


@pytest.mark.parametrize(
    ("status", "scheduled", "state", "reason", "words"),
    [
        pytest.param({"conditions": [GATED]}, False, "Queued", "Queued", "kueue.x-k8s.io/admission", id="gated"),
        pytest.param(
            {"initContainerStatuses": [SETUP]}, True, "Starting", "Starting", "init container setup", id="init"
        ),
        pytest.param({"conditions": [NOT_READY]}, True, "Starting", "Starting", "volumes", id="volumes"),
        pytest.param({"containerStatuses": [PULL]}, True, "Blocked", "ImagePull", "no such image", id="image"),
        pytest.param({}, True, "Starting", "Starting", "its containers start", id="slow"),
    ],
)
def test_the_condition_running_reports_what_pods_wait_for(status, scheduled, state, reason, words):
    """The condition is not True before a trial runs."""
    world = waiting_world(status, scheduled=scheduled)
    planned = world.summary().status
    running = running_of(planned)
    assert (planned["state"], running["status"], running["reason"]) == (state, "False", reason)
    assert words in running["message"]
    for body in world.pods.values():
        body["status"] = {"phase": "Running", "startTime": "2026-01-01T00:00:06Z"}
    world.now += timedelta(seconds=2)
    planned = world.summary().status
    assert (planned["state"], running_of(planned)["status"]) == ("Running", "True")


def test_a_new_pod_is_not_reported_as_waiting():
    """The condition changes at the next reconciliation that is due for it."""
    world = waiting_world({"conditions": [GATED]}, seconds=1, scheduled=False)
    status = world.summary().status
    assert (status["state"], running_of(status)["message"]) == ("Starting", "the first trials are starting")
    assert world.plan().requeue_at == START + timedelta(seconds=5)


def test_an_experiment_runs_between_two_trials():
    """A Pod that starts within seconds does not change the condition."""
    world = World(experiment_spec(parallelTrialCount=1), lambda *_: Program((0.5,) * 2))
    changes = set()
    for _ in range(20):
        world.execute(world.plan())
        changes.add((running_of(world.status)["status"], running_of(world.status)["lastTransitionTime"]))
        world.tick()
    assert sorted(status for status, _ in changes) in (["False", "True"], ["False", "False", "True"])


def test_a_template_is_corrected_while_no_program_has_started():
    """The message and one Event state it, and the Pods are recreated from the current template."""
    world = waiting_world({"containerStatuses": [PULL]})
    summary = world.summary()
    blocked = next(each for each in summary.status["conditions"] if each["type"] == "Blocked")
    assert "spec.trialTemplate can still be corrected" in blocked["message"]
    assert [(each.trial, each.reason) for each in summary.events] == [(None, Reason.IMAGE_PULL)]
    assert summary.status["programStarted"] is None
    world.execute(world.plan())
    world.spec = experiment_spec(trialTemplate=FIXED)
    again = world.plan()
    assert [type(action) for chain in again.chains for action in chain] == [DeletePod] * 2
    world.execute(again)
    world.execute(world.plan())
    images = {body["spec"]["containers"][0]["image"] for body in world.pods.values()}
    assert (images, {pod.attempt for pod in world.pod_records()}) == ({"right"}, {1})


def test_the_primary_container_is_corrected_while_no_program_has_started():
    """The Pod records the container whose output counts, so a waiting Pod is replaced."""
    containers = [MAIN, {**MAIN, "name": "helper"}]
    template = {"template": {"spec": {"containers": containers}}}
    world = waiting_world({"containerStatuses": [PULL]}, trialTemplate=template)
    world.spec = experiment_spec(trialTemplate={**template, "primaryContainer": "helper"})
    assert [type(action) for chain in world.plan().chains for action in chain] == [DeletePod] * 2


def test_a_pod_that_runs_is_not_replaced():
    """Its program may have started before the edit."""
    world = waiting_world({})
    world.tick()
    world.tick()
    world.execute(world.plan())
    assert world.status["programStarted"] is True
    world.spec = experiment_spec(trialTemplate=FIXED)
    assert [
        action for chain in world.plan().chains for action in chain if isinstance(action, DeletePod | CreatePod)
    ] == []


def test_a_template_is_not_corrected_after_a_program_has_started():
    """This holds even if the Trial of the program was deleted."""
    world = waiting_world({"containerStatuses": [PULL]})
    world.status["programStarted"] = True
    summary = world.summary()
    assert summary.status["programStarted"] is True
    assert summary.events == ()


def test_a_pod_of_an_earlier_version_is_not_replaced():
    """It does not record its template."""
    world = waiting_world({"containerStatuses": [PULL]})
    world.spec = experiment_spec(trialTemplate=FIXED)
    for body in world.pods.values():
        body["metadata"]["annotations"].clear()
    assert [action for chain in world.plan().chains for action in chain] == []


def test_a_running_pod_is_not_reported_as_waiting():
    """Only a Pending Pod waits."""
    world = waiting_world({"phase": "Running"})
    (pod, _) = map(pod_from, world.pods.values())
    assert pod.waits_for is None
    snapshot = replace(world.snapshot(), experiment=world.experiment())
    assert running_of(summary_of(snapshot, world.now).status)["status"] == "True"
