"""The primary container alone determines the end and the exit code of a trial's Pod."""

import pytest

from toprung.objects.pod import PodPhase, pod_from

LABELS = {"toprung.dev/experiment": "exp", "toprung.dev/trial": "exp-0", "toprung.dev/attempt": "1"}
ANNOTATION = "kubectl.kubernetes.io/default-container"
RUNNING = {"running": {"startedAt": "2026-01-01T00:00:02Z"}}
WAITING = {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}}
SIDECAR = {"name": "proxy", "restartPolicy": "Always"}


def ended(code, reason="Error", second=20, **state):
    times = {"startedAt": "2026-01-01T00:00:02Z", "finishedAt": f"2026-01-01T00:00:{second:02}Z"}
    return {"terminated": {"exitCode": code, "reason": reason, **times, **state}}


def pod(phase, *, init=None, spec=None, annotations=None, metadata=None, status=None, **containers):
    """Return a trial's Pod with the states of its containers by name."""
    return pod_from(
        {
            "metadata": {
                "namespace": "team",
                "name": "exp-0-1",
                "uid": "u",
                "labels": LABELS,
                "creationTimestamp": "2026-01-01T00:00:00Z",
                "annotations": annotations or {},
                **(metadata or {}),
            },
            "spec": {"containers": [{"name": name} for name in containers], **(spec or {})},
            "status": {
                "phase": phase,
                "startTime": "2026-01-01T00:00:00Z",
                "initContainerStatuses": [{"name": name, "state": state} for name, state in (init or {}).items()],
                "containerStatuses": [{"name": name, "state": state} for name, state in containers.items()],
                **(status or {}),
            },
        }
    )


STOPPED = {"toprung.dev/stop-time": "2026-01-01T00:00:10Z"}
TOO_LATE = {"reason": "DeadlineExceeded"}


@pytest.mark.parametrize(
    ("read", "outcome", "exit_code", "culprit"),
    [
        pytest.param(pod("Running", train=ended(0), proxy=RUNNING), "Succeeded", 0, "", id="sidecar-runs-on"),
        pytest.param(pod("Running", train=ended(3), proxy=RUNNING), "Failed", 3, "", id="fails-beside-a-sidecar"),
        pytest.param(pod("Running", train=RUNNING, proxy=ended(1)), "Running", None, "", id="sidecar-fails-first"),
        pytest.param(pod("Failed", train=ended(0), proxy=ended(137)), "Succeeded", 0, "", id="sidecar-is-killed"),
        pytest.param(pod("Failed", proxy=ended(143), train=ended(7)), "Failed", 143, "", id="first-without-annotation"),
        pytest.param(
            pod("Failed", annotations={ANNOTATION: "train"}, proxy=ended(143), train=ended(7)),
            *("Failed", 7, ""),
            id="annotated",
        ),
        pytest.param(
            pod("Succeeded", annotations={ANNOTATION: "gone"}, train=ended(0)),
            *("Succeeded", 0, ""),
            id="annotation-names-no-container",
        ),
        pytest.param(
            pod("Failed", spec={"initContainers": [SIDECAR]}, init={"proxy": ended(143)}, train=ended(0)),
            *("Succeeded", 0, ""),
            id="native-sidecar-after-a-success",
        ),
        pytest.param(
            pod("Running", spec={"initContainers": [SIDECAR]}, init={"proxy": RUNNING}, train=ended(0)),
            *("Succeeded", 0, ""),
            id="native-sidecar-is-ending",
        ),
        pytest.param(
            pod("Failed", spec={"initContainers": [SIDECAR]}, init={"proxy": ended(143)}, train=ended(5)),
            *("Failed", 5, ""),
            id="native-sidecar-after-a-failure",
        ),
        pytest.param(
            pod("Failed", init={"fetch": ended(0), "unpack": ended(2)}, train={"waiting": {}}),
            *("Failed", 2, "init container unpack"),
            id="init-container-fails",
        ),
        pytest.param(
            pod("Failed", init={"fetch": ended(1, reason="OOMKilled")}, train={}),
            *("Failed", 1, "init container fetch"),
            id="init-container-out-of-memory",
        ),
        pytest.param(
            pod("Failed", train={}, proxy=ended(2)), "Failed", 2, "container proxy", id="only-another-one-is-known"
        ),
        pytest.param(pod("Pending", train=RUNNING, proxy=WAITING), "Running", None, "", id="sidecar-without-image"),
        pytest.param(pod("Pending", train=ended(0), proxy=WAITING), "Succeeded", 0, "", id="ended-before-its-sidecar"),
        pytest.param(pod("Pending", train=WAITING, proxy=RUNNING), "Pending", None, "", id="only-the-sidecar-runs"),
        pytest.param(
            pod("Running", annotations=STOPPED, train=ended(0), proxy=RUNNING),
            *("Failed", 0, ""),
            id="exits-with-0-on-sigterm",
        ),
    ],
)
def test_the_primary_container_determines_the_outcome(read, outcome, exit_code, culprit):
    """Other containers count only if the primary one never started."""
    assert (read.outcome, read.exit_code, read.culprit) == (PodPhase(outcome), exit_code, culprit)
    assert read.over is (outcome in {"Succeeded", "Failed"})


@pytest.mark.parametrize(
    ("second", "timed_out", "outcome"),
    [
        pytest.param(59, False, PodPhase.SUCCEEDED, id="before-it"),
        pytest.param(60, True, PodPhase.FAILED, id="by-it"),
    ],
)
def test_a_deadline_that_only_ends_a_sidecar_is_no_timeout(second, timed_out, outcome):
    """The times of the node show whether the program had ended before."""
    state = ended(0)
    state["terminated"]["finishedAt"] = f"2026-01-01T00:0{second // 60}:{second % 60:02}Z"
    read = pod("Failed", spec={"activeDeadlineSeconds": 60}, status=TOO_LATE, train=state, proxy=ended(137))
    assert (read.timed_out, read.outcome) == (timed_out, outcome)


def test_the_log_of_a_failed_init_container_is_read():
    """It explains the failure. Its lines are no reports."""
    read = pod("Failed", init={"fetch": ended(1)}, train={})
    assert (read.container, read.init_failed) == ("fetch", True)
    assert pod("Failed", train=ended(1), proxy=ended(137)).container == "train"


EVICTED = {"type": "DisruptionTarget", "status": "True", "reason": "EvictionByEvictionAPI", "message": "Eviction API"}


@pytest.mark.parametrize(
    ("status", "metadata", "disruption"),
    [
        pytest.param({"conditions": [EVICTED]}, None, "EvictionByEvictionAPI: Eviction API", id="eviction"),
        pytest.param(
            {"conditions": [EVICTED], "reason": "Evicted", "message": "The node was low on memory"},
            None,
            "EvictionByEvictionAPI: Eviction API",
            id="condition-before-reason",
        ),
        pytest.param(
            {"reason": "Evicted", "message": "The node was low on memory"},
            None,
            "Evicted: The node was low on memory",
            id="reason-alone",
        ),
        pytest.param({"conditions": [{**EVICTED, "status": "False"}]}, None, "", id="not-true"),
        pytest.param(
            {"conditions": [{**EVICTED, "lastTransitionTime": "2026-01-01T00:00:30Z"}]}, None, "", id="after-its-end"
        ),
        pytest.param({}, {"deletionTimestamp": "2026-01-01T00:00:20Z"}, "its Pod was deleted", id="deleted"),
    ],
)
def test_a_disruption_is_reported_in_the_words_of_its_source(status, metadata, disruption):
    """The reason and message are those of the condition DisruptionTarget, or of the kubelet."""
    assert pod("Failed", metadata=metadata, status=status, train=ended(143)).disruption == disruption


LATE = {**TOO_LATE, "message": "Pod was active longer than its deadline"}


@pytest.mark.parametrize(
    ("status", "state", "message"),
    [
        pytest.param(LATE, ended(143), "Pod was active longer than its deadline", id="deadline"),
        pytest.param({}, ended(137, reason="OOMKilled"), "OOMKilled", id="out-of-memory"),
        pytest.param(
            {}, ended(128, reason="StartError", message="no such file"), "StartError: no such file", id="start"
        ),
    ],
)
def test_a_message_has_more_than_the_exit_code(status, state, message):
    """The message is that of the Pod for its deadline, and otherwise that of the container."""
    assert pod("Failed", status=status, train=state).message == message
