"""Builds the noisy neighbours: workloads, valid under the schema, that must not delay another namespace."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

Object = dict[str, Any]
LONG_NAME = "abcdefghijklmnopqrstuvwxyz"


class Disturbance(StrEnum):
    """An action in addition to applying the manifests."""

    NONE = "none"
    EDIT_STORM = "edit storm"  # labels of the Experiment change as fast as the API server accepts it
    FORGED_PODS = "forged Pods"  # Pods with a trial's labels and without an owner
    FORGED_TRIAL = "forged Trial"  # a Trial with the largest index that the schema accepts
    HISTORY = "history"  # finished Trials exist before the operator starts
    STOP_SEARCH = "stop search"  # SIGSTOP for the operator's search process
    DELETE_ALL = "delete all"  # the Experiments are deleted as soon as they are applied


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A workload of the noisy namespace.

    Attributes:
        summary: one line for the table.
        build: returns the Experiments; containers have no image yet.
        settle: seconds until the workload has its full load.
    """

    summary: str
    build: Callable[[], list[Object]]
    settle: float = 4.0
    disturbance: Disturbance = Disturbance.NONE


def experiment(name: str, command: list[str], *, pod: Object | None = None, **spec: Any) -> Object:
    """Return an Experiment with one numeric parameter, whose trials run `command`; `spec` overrides fields."""
    container = {"name": "main", "command": command}
    return {
        "apiVersion": "toprung.dev/v1alpha1",
        "kind": "Experiment",
        "metadata": {"name": name},
        "spec": {
            "objective": {"metric": "loss", "type": "minimize"},
            "parameters": numbers(1),
            "algorithm": {"random": {}},
            "parallelTrialCount": 1,
            "maxTrialCount": 1,
            "trialTemplate": {
                "template": {"spec": {"terminationGracePeriodSeconds": 1, "containers": [container], **(pod or {})}}
            },
            **spec,
        },
    }


def numbers(count: int) -> list[Object]:
    """Return parameters between 0 and 1."""
    return [{"name": f"p{i}", "type": "double", "min": 0, "max": 1} for i in range(count)]


def lists(count: int, values: int, length: int) -> list[Object]:
    """Return categorical parameters with values of that length."""
    choices = [f"{value:04d}".ljust(length, "v") for value in range(values)]
    return [{"name": f"p{i}", "type": "categorical", "values": choices} for i in range(count)]


def python(program: str) -> list[str]:
    """Return the command of a Python program."""
    return ["python3", "-uc", program]


def forever(text: str) -> list[str]:
    """Return the command of a program that prints a Python expression as fast as it can, for five minutes."""
    return python(
        f"import sys, time\nend = time.time() + 300\ntext = {text}\nwhile time.time() < end: sys.stdout.write(text)"
    )


def one_line(text: str) -> list[Object]:
    """Return an Experiment with one trial that prints one line, a Python expression, and keeps running."""
    return [experiment("line", python(f"import time\ntime.sleep(1)\nprint({text})\ntime.sleep(300)"))]


def flood(text: str, pods: int = 8, **spec: Any) -> list[Object]:
    """Return an Experiment whose trials print as fast as they can."""
    return [experiment("flood", forever(text), parallelTrialCount=pods, maxTrialCount=pods, **spec)]


def misspelled(count: int) -> list[Object]:
    """Return an Experiment with ${parameters.*} that match no parameter, next to long, similar names."""
    parameters = [{"name": f"{LONG_NAME}{i:04d}{'q' * 20}", "type": "double", "min": 0, "max": 1} for i in range(64)]
    references = " ".join(f"${{parameters.{LONG_NAME}{i:06d}}}" for i in range(count))
    return [experiment("refs", ["sh", "-c", references], parameters=parameters)]


def expensive_search(name: str, algorithm: Object, parallel: int) -> list[Object]:
    """Return an Experiment whose suggestions take longer than its trials."""
    command = ["sh", "-c", "echo loss=$TOPRUNG_PARAMETER_P1"]
    return [
        experiment(
            name,
            command,
            parameters=numbers(64),
            algorithm=algorithm,
            parallelTrialCount=parallel,
            maxTrialCount=100_000,
        )
    ]


def unschedulable(count: int, parallel: int) -> list[Object]:
    """Return Experiments with many Pods that fit no node."""
    pod = {"nodeSelector": {"no": "where"}}
    return [
        experiment(f"par{i}", ["true"], pod=pod, parallelTrialCount=parallel, maxTrialCount=100_000)
        for i in range(count)
    ]


def churn(command: list[str], **spec: Any) -> list[Object]:
    """Return an Experiment whose trials end at once and have successors."""
    return [experiment("churn", command, parallelTrialCount=30, maxTrialCount=100_000, **spec)]


def many(count: int) -> list[Object]:
    """Return many small Experiments."""
    return [experiment(f"many{i}", ["sh", "-c", "echo loss=0.5; sleep 60"]) for i in range(count)]


def finished(parameters: list[Object], algorithm: Object) -> list[Object]:
    """Return an Experiment that has a long history when the operator starts."""
    command = ["sh", "-c", "echo loss=0.5; sleep 30"]
    return [
        experiment(
            "history", command, parameters=parameters, algorithm=algorithm, parallelTrialCount=4, maxTrialCount=100_000
        )
    ]


def invalid(count: int) -> list[Object]:
    """Return Experiments that the schema accepts and the operator rejects."""
    return [experiment(f"invalid{i}", ["sh", "-c", "${parameters.missing}"]) for i in range(count)]


_PATTERN = "(?P<name>a)(?:[a-y]{0,250}a){0,3}(?:[a-y]{0,250}b){0,3}[ab]{900}(?P<value>1)"
_BAR = "'\\r'.join(['ab' * 2000] * 16) + '\\n'"

NEIGHBOURS: dict[str, Neighbour] = {
    "digits-20k": Neighbour("one line `loss=`, 20,000 digits, `x`", lambda: one_line("'loss=' + '1' * 20000 + 'x'")),
    "digits-64k": Neighbour("one line of 64,000 digits", lambda: one_line("'loss=' + '1' * 64000 + 'x'")),
    "braces": Neighbour("2 Pods flood nested braces", lambda: flood("('loss' + '{\"a\":' * 10000 + '}\\n') * 10", 2)),
    "misspelled": Neighbour("4,000 misspelled references", lambda: misspelled(4000)),
    "invalid": Neighbour("100 Experiments that are invalid", lambda: invalid(100)),
    "tpe-queue": Neighbour(
        "tpe, 64 parameters, 4,000 candidates, 50 at once",
        lambda: expensive_search("queue", {"tpe": {"startupTrials": 50, "eiCandidates": 4000}}, 50),
        settle=20,
    ),
    "gp-queue": Neighbour("gp, 64 parameters, 20 at once", lambda: expensive_search("gp", {"gp": {}}, 20), settle=15),
    "parallel-10000": Neighbour("4 Experiments with 10,000 waiting Pods each", lambda: unschedulable(4, 10_000)),
    "flood": Neighbour("8 Pods print `loss=0.5` as fast as they can", lambda: flood("'loss=0.5\\n' * 5000")),
    "flood-json": Neighbour(
        "8 Pods print JSON as fast as they can",
        lambda: flood(json.dumps('{"loss": 0.5, "step": 3, "a": [1, 2, 3]}\n') + " * 2000"),
    ),
    "flood-cr": Neighbour("4 Pods flood carriage returns", lambda: flood("('loss\\r' * 12000 + '\\n') * 10", 4)),
    "flood-no-newline": Neighbour("4 Pods print without a newline", lambda: flood("'loss=0.5 ' * 5000", 4)),
    "flood-metrics": Neighbour(
        "4 Pods print 200 metrics on each line",
        lambda: flood("' '.join(f'm{i}=0.5' for i in range(200)) + ' loss=0.5\\n'", 4),
    ),
    "pattern": Neighbour(
        "4 Pods, a pattern of 1,000 states and lines of 64 KB",
        lambda: flood(f"({_BAR}) * 10", 4, metrics={"stdout": {"pattern": _PATTERN}}),
    ),
    "experiments-150": Neighbour("150 Experiments at once", lambda: many(150), settle=0),
    "deleted": Neighbour(
        "4 Experiments with 10,000 waiting Pods, deleted at once",
        lambda: unschedulable(4, 10_000),
        disturbance=Disturbance.DELETE_ALL,
    ),
    "churn": Neighbour("30 trials that end at once, each with a successor", lambda: churn(["sh", "-c", "echo loss=1"])),
    "failures": Neighbour("30 trials that fail at once, each with a successor", lambda: churn(["false"])),
    "edits": Neighbour(
        "an Experiment edited without pause",
        lambda: unschedulable(1, 20),
        disturbance=Disturbance.EDIT_STORM,
    ),
    "forged-pods": Neighbour(
        "200 Pods with a trial's labels", lambda: unschedulable(1, 1), disturbance=Disturbance.FORGED_PODS
    ),
    "trial-index": Neighbour(
        "a forged Trial with the largest index", lambda: unschedulable(1, 1), disturbance=Disturbance.FORGED_TRIAL
    ),
    "search-stopped": Neighbour(
        "SIGSTOP for a search process",
        lambda: expensive_search("stopped", {"tpe": {}}, 4),
        disturbance=Disturbance.STOP_SEARCH,
    ),
    "history": Neighbour(
        "finished trials with 64 long values",
        lambda: finished(lists(64, 4, 300), {"random": {}}),
        disturbance=Disturbance.HISTORY,
    ),
    "history-tpe": Neighbour(
        "tpe with 64 x 256 categories and finished trials",
        lambda: finished(lists(64, 256, 8), {"tpe": {}}),
        disturbance=Disturbance.HISTORY,
        settle=10,
    ),
    "history-random": Neighbour(
        "random with finished trials",
        lambda: finished(numbers(64), {"random": {}}),
        disturbance=Disturbance.HISTORY,
    ),
}
