"""Builders of experiment views: Experiments and Trials as the API server returns them."""

from datetime import UTC, datetime, timedelta

from toprung.cli.display.watcher import view_of

START = datetime(2026, 1, 1, tzinfo=UTC)


def at(seconds):
    return (START + timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")


def experiment(*, state="Running", conditions=(), best=None, done=None, trials=None, completion=None, **spec):
    return {
        "apiVersion": "toprung.dev/v1alpha1",
        "kind": "Experiment",
        "metadata": {
            "name": "mnist",
            "namespace": "default",
            "uid": "u-1",
            "generation": 2,
            "resourceVersion": "10",
            "creationTimestamp": at(0),
        },
        "spec": {
            "objective": {"metric": "acc", "type": "maximize"},
            "parameters": [{"name": "lr", "type": "double", "min": 0.001, "max": 1}],
            "algorithm": {"random": {}},
            "earlyStopping": {"asha": {"resource": "epoch", "minResource": 1, "maxResource": 9, "reductionFactor": 3}},
            "maxTrialCount": 8,
            "trialTemplate": {"template": {"spec": {"containers": [{"name": "t", "image": "i", "command": ["x"]}]}}},
            **spec,
        },
        "status": {
            "observedGeneration": 2,
            "state": state,
            "startTime": at(0),
            "conditions": list(conditions),
            **({"completionTime": at(completion)} if completion is not None else {}),
            **({"best": best} if best else {}),
        },
    }


def condition(kind, reason, message, status="True"):
    return {"type": kind, "status": status, "reason": reason, "message": message, "lastTransitionTime": at(1)}


def observation(step, value, seconds):
    return {"step": step, "value": value, "finite": value is not None, "time": at(seconds), "metrics": {}}


def trial(
    index,
    state="Running",
    *,
    curve=(),
    rungs=(),
    message="",
    attempt=1,
    begin=0,
    pace=1.0,
    maximize=True,
    others=None,
    completion=None,
):
    """Return a trial whose k-th report is `k * pace` seconds after `begin`. `rungs` are (resource, verdict).

    `others` are the values of further objectives at the last step.
    """
    reports = [observation(step, value, begin + step * pace) for step, value in curve]
    finite = [report for report in reports if report["finite"]]
    best = (max if maximize else min)(finite, key=lambda report: report["value"], default=None)
    values = dict(curve)
    return {
        "metadata": {
            "name": f"mnist-{index}",
            "namespace": "default",
            "uid": f"t-{index}",
            "resourceVersion": str(100 + index),
            "creationTimestamp": at(begin),
            "ownerReferences": [{"controller": True, "uid": "u-1"}],
        },
        "spec": {"experiment": "mnist", "index": index, "parameters": {"lr": 0.01 * (index + 1)}},
        "status": {
            "state": state,
            "message": message,
            "attempt": attempt,
            "startTime": at(begin),
            "curve": [list(point) for point in curve],
            **({"latest": reports[-1]} if reports else {}),
            **({"best": best} if best else {}),
            **({"completionTime": at(completion)} if completion is not None else {}),
            **({"latestComplete": {**reports[-1], "metrics": others}} if others else {}),
            "rungs": [
                {"resource": level, "value": values.get(level), "verdict": verdict, "time": at(begin + level * pace)}
                for level, verdict in rungs
            ],
        },
    }


def rising(count, top):
    """Return a learning curve of `count` steps that saturates at `top`."""
    return [(step, top * (1 - 0.6**step)) for step in range(1, count + 1)]


def busy():
    """Return an experiment with two running trials, a pending one, and one of each end."""
    return view_of(
        experiment(conditions=[condition("Blocked", "Unschedulable", "0/1 nodes are available: 1 Insufficient GPU")]),
        (
            trial(0, "Succeeded", curve=rising(9, 0.9), rungs=[(1, "Continue"), (3, "Continue"), (9, "Continue")]),
            trial(1, "Stopped", curve=rising(1, 0.5), rungs=[(1, "Stop")], message="3rd of 3 at rung 1"),
            trial(2, "Failed", curve=[(1, None)], rungs=[(1, "Failed")], message="exit code 1: out of memory"),
            trial(3, "Running", curve=rising(4, 0.95), rungs=[(1, "Continue"), (3, "Continue")], begin=3),
            trial(4, "Running", begin=5, attempt=2),
            trial(5, "Pending", begin=6),
        ),
    )
