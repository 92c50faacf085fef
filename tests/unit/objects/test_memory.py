"""The memory of a finished trial."""

import gc
import pickle
import sys
from datetime import datetime
from enum import Enum

import pytest

from support.world import START
from toprung.objects.configuration import CompactConfiguration
from toprung.objects.trial_json import trial_from
from toprung.timestamps import micro_timestamp

MOST_BYTES = 2048


def size_of(*roots):
    """Return the bytes of all objects below the roots, each counted once, without classes and enums."""
    seen, waiting, total = set(), list(roots), 0
    while waiting:
        each = waiting.pop()
        if id(each) in seen or isinstance(each, type | Enum):
            continue
        seen.add(id(each))
        total += sys.getsizeof(each)
        if not isinstance(each, str | float | int | datetime):
            waiting += gc.get_referents(each)
    return total


def long_value(parameter, choice):
    return f"{parameter}-{choice}-" + "v" * 900


def finished(index, parameters):
    """Return a Trial with four rungs and 32 additional metrics, as the API server returns it, without shared
    strings.
    """
    seen = {
        "step": 9 + index,
        "value": 0.1 + index,
        "finite": True,
        "time": micro_timestamp(START),
        "metrics": {f"metric-{number}": 0.5 + index + number for number in range(32)},
    }
    rungs = [
        {"resource": rung, "value": 0.3 + index, "verdict": "Continue", "time": micro_timestamp(START)}
        for rung in (1, 3, 9, 27)
    ]
    return trial_from(
        {
            "metadata": {
                "namespace": "team",
                "name": f"exp-{index}",
                "uid": f"00000000-0000-0000-0000-{index:012d}",
                "resourceVersion": str(10**9 + index),
                "creationTimestamp": "2026-01-01T00:00:00Z",
                "ownerReferences": [{"uid": f"{'uid' * 12}", "controller": True}],
            },
            "spec": {"experiment": "exp", "index": index, "parameters": parameters},
            "status": {
                "state": "Failed" if index % 2 else "Succeeded",
                "reason": "ProgramFailed-"[:-1],
                "message": "attempt 1 failed: exit code 1; its last lines:\n" + "x" * 2000,
                "startTime": "2026-01-01T00:00:00Z",
                "completionTime": "2026-01-01T00:09:00Z",
                "latest": {**seen, "metrics": dict(seen["metrics"])},
                "best": {**seen, "value": 0.2 + index},
                "mean": {"count": 9, "value": 0.3 + index},
                "curve": [[step, 0.5 + step + index] for step in range(64)],
                "rungs": rungs,
                "node": "node-1-"[:-1],
            },
        }
    )


@pytest.mark.parametrize(
    "value_of",
    [
        pytest.param(lambda index, number: long_value(number, index % 3), id="long-categoricals"),
        pytest.param(lambda index, number: 0.1 + index + number / 7, id="doubles"),
        pytest.param(lambda index, number: 1000 * (index % 50) + number, id="integers"),
    ],
)
def test_a_finished_trial_uses_at_most_2_kib(value_of):
    """It has 64 parameters. Objects that trials share count once."""
    few, more = (
        [finished(index, {f"p{number}": value_of(index, number) for number in range(64)}) for index in indices]
        for indices in (range(100), range(100, 400))
    )
    each = (size_of(*few, *more) - size_of(*few)) / len(more)
    assert 500 < each <= MOST_BYTES


def typed(configuration):
    return [(name, value, type(value)) for name, value in configuration.items()]


@pytest.mark.parametrize(
    "parameters",
    [
        {"lr": 0.1, "layers": 2, "opt": "adam", "nesterov": True, "zero": 0.0},
        {"one": 1, "also-one": 1.0, "true": True},
        {},
    ],
)
def test_a_compact_configuration_equals_its_items(parameters):
    """Types and order are equal, also in another process."""
    compact = CompactConfiguration(parameters)
    assert compact == parameters
    assert typed(compact) == typed(pickle.loads(pickle.dumps(compact))) == typed(parameters)
    assert compact == CompactConfiguration(dict(parameters))
    assert compact != {**parameters, "more": 1}
