"""Conversion of Pods to records."""

from datetime import UTC, datetime

import pytest

from toprung.api.v1alpha1.conditions import Reason
from toprung.objects.conditions import BlockReason
from toprung.objects.pod import ANNOTATION_STOP_TIME, PodPhase, pod_from
from toprung.planning.pod_cleanup import end_pod


def body(status=None, *, deadline=None, deleting=False, annotations=None, containers=None):
    """Return a trial's Pod."""
    return {
        "metadata": {
            "name": "exp-3-2",
            "namespace": "team",
            "uid": "u",
            "creationTimestamp": "2026-01-01T00:00:00Z",
            "labels": {"toprung.dev/experiment": "exp", "toprung.dev/trial": "exp-3", "toprung.dev/attempt": "2"},
            "ownerReferences": [{"kind": "Trial", "uid": "trial-uid", "controller": True}],
            **({"annotations": annotations} if annotations else {}),
            **({"deletionTimestamp": "2026-01-01T00:00:09Z"} if deleting else {}),
        },
        "spec": {
            "containers": containers or [{"name": "main"}, {"name": "side"}],
            **({"activeDeadlineSeconds": deadline} if deadline else {}),
        },
        "status": status or {},
    }


def terminated(name, code, **state):
    return {"name": name, "state": {"terminated": {"exitCode": code, "finishedAt": "2026-01-01T00:00:05Z", **state}}}


def waiting(reason, message="why"):
    return {
        "phase": "Pending",
        "containerStatuses": [{"name": "main", "state": {"waiting": {"reason": reason, "message": message}}}],
    }


@pytest.mark.parametrize(
    ("status", "block"),
    [
        pytest.param({"phase": "Pending"}, None, id="just-created"),
        pytest.param(waiting("ContainerCreating"), None, id="creating"),
        pytest.param(
            {
                "phase": "Pending",
                "conditions": [
                    {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/1 nodes"}
                ],
            },
            BlockReason(Reason.UNSCHEDULABLE, "0/1 nodes"),
            id="unschedulable",
        ),
        pytest.param(waiting("ErrImagePull"), BlockReason(Reason.IMAGE_PULL, "ErrImagePull: why"), id="pull"),
        pytest.param(
            waiting("ImagePullBackOff"), BlockReason(Reason.IMAGE_PULL, "ImagePullBackOff: why"), id="back-off"
        ),
        pytest.param(
            waiting("CreateContainerConfigError"),
            BlockReason(Reason.CONTAINER_CONFIG, "CreateContainerConfigError: why"),
            id="config",
        ),
        pytest.param({**waiting("ErrImagePull"), "phase": "Running"}, None, id="a-sidecar-that-can-not-start"),
    ],
)
def test_a_pod_that_does_not_start_quotes_the_cluster(status, block):
    """The messages of the scheduler and the kubelet count while no container of the Pod runs."""
    assert pod_from(body(status)).blocked == block


@pytest.mark.parametrize(
    ("status", "options", "expected"),
    [
        pytest.param(
            {"phase": "Failed", "containerStatuses": [terminated("main", 0), terminated("side", 7)]},
            {},
            {"exit_code": 0, "disrupted": False, "outcome": PodPhase.SUCCEEDED},
            id="a-sidecar-that-fails-changes-nothing",
        ),
        pytest.param(
            {"phase": "Succeeded", "containerStatuses": [terminated("main", 0), terminated("side", 0)]},
            {},
            {"exit_code": 0, "phase": PodPhase.SUCCEEDED},
            id="success",
        ),
        pytest.param({"phase": "Failed", "reason": "Evicted"}, {}, {"disrupted": True}, id="evicted"),
        pytest.param(
            {"phase": "Failed", "conditions": [{"type": "DisruptionTarget", "status": "True"}]},
            {},
            {"disrupted": True},
            id="preempted",
        ),
        pytest.param(
            {"phase": "Failed", "reason": "DeadlineExceeded"}, {"deadline": 60}, {"timed_out": True}, id="own-deadline"
        ),
        pytest.param(
            {"phase": "Failed", "reason": "DeadlineExceeded"},
            {"deadline": 1, "annotations": {ANNOTATION_STOP_TIME: "2026-01-01T00:00:04Z"}},
            {"timed_out": False, "stopping": True, "stop_time": datetime(2026, 1, 1, 0, 0, 4, tzinfo=UTC)},
            id="stopped",
        ),
        pytest.param(
            {"phase": "Failed", "reason": "DeadlineExceeded"},
            {"deadline": 1},
            {"timed_out": True, "stopping": False},
            id="a-template-deadline-as-short-as-a-stop",
        ),
        pytest.param({"phase": "Running"}, {"deleting": True}, {"deleting": True, "stopping": True}, id="deleted"),
    ],
)
def test_the_end_of_a_pod_is_classified(status, options, expected):
    """A failure of the program differs from a stop by the operator and from a disruption."""
    pod = pod_from(body(status, **options))
    assert {name: getattr(pod, name) for name in expected} == expected


@pytest.mark.parametrize(
    ("annotations", "container"),
    [
        pytest.param(None, "main", id="first"),
        pytest.param({"kubectl.kubernetes.io/default-container": "side"}, "side", id="annotated"),
    ],
)
def test_metrics_are_read_from_the_default_container(annotations, container):
    """It is the container that `kubectl logs` shows. An annotation can set it."""
    assert pod_from(body(annotations=annotations)).container == container


def test_a_pod_has_its_experiment_and_controller():
    """The Experiment is a label, and the Trial the UID of the controller."""
    pod = pod_from(body())
    assert (pod.experiment_key, pod.trial, pod.controller_uid, pod.attempt) == ("team/exp", "exp-3", "trial-uid", 2)


def test_accelerators_are_counted_by_name():
    """The record has the names of the accelerators, without other extended resources."""
    limits = {"nvidia.com/gpu": "2", "example.com/widget": "2k", "nvidia.com/gpumem": "10"}
    pod = pod_from(body(containers=[{"name": "main", "image": "repo:1", "resources": {"limits": limits}}]))
    assert (pod.devices, pod.device_count) == ({"nvidia.com/gpu": 2}, 2)


def test_the_list_of_accelerators_is_a_setting():
    """A quantity with a suffix is read."""
    limits = {"nvidia.com/gpu": "2", "example.com/widget": "2k"}
    spec = [{"name": "main", "image": "repo:1", "resources": {"limits": limits}}]
    assert pod_from(body(containers=spec), ("example.com/*",)).devices == {"example.com/widget": 2000}


@pytest.mark.parametrize(
    ("status", "image_id"),
    [
        pytest.param({}, "", id="not pulled"),
        pytest.param({"containerStatuses": [{"name": "main", "imageID": ""}]}, "", id="waiting"),
        pytest.param(
            {"containerStatuses": [{"name": "main", "imageID": "repo@sha256:1"}]}, "repo@sha256:1", id="known"
        ),
        pytest.param({"containerStatuses": [{"name": "side", "imageID": "x@sha256:2"}]}, "", id="of another container"),
        pytest.param({"containerStatuses": [{"name": "main", "imageID": "x" * 5000}]}, "x" * 1024, id="too long"),
    ],
)
def test_the_image_is_that_of_the_primary_container(status, image_id):
    """The digest identifies the image, even if the tag moves later."""
    pod = pod_from(body(status, containers=[{"name": "main", "image": "repo:1"}]))
    assert (pod.image, pod.image_id) == ("repo:1", image_id)


def test_a_deadline_of_the_template_is_in_the_message():
    """The exit code of a killed container does not show the cause."""
    words = "Pod was active on the node longer than the specified deadline"
    status = {"phase": "Failed", "reason": "DeadlineExceeded", "message": words}
    pod = pod_from(body({**status, "containerStatuses": [terminated("main", 137)]}, deadline=1))
    assert (pod.exit_code, pod.message) == (137, words)


@pytest.mark.parametrize(
    ("side", "stopped"),
    [
        pytest.param({"terminated": {"exitCode": 0}}, False, id="all containers have ended"),
        pytest.param({"running": {}}, True, id="another container runs"),
        pytest.param({"waiting": {"reason": "ErrImagePull"}}, True, id="another container waits"),
    ],
)
def test_a_pod_that_ends_by_itself_is_not_stopped(side, stopped):
    """A kubelet reports the ends of the containers before the last phase.

    A stop would change that phase to Failed.
    """
    statuses = [terminated("main", 0), {"name": "side", "state": side}]
    containers = [{"name": "main", "image": "x"}, {"name": "side", "image": "x"}]
    pod = pod_from(body({"phase": "Running", "containerStatuses": statuses}, containers=containers))
    assert pod.over
    assert pod.finishing is not stopped
    assert (end_pod(pod) is not None) is stopped
