"""Limits of the sizes of objects in etcd."""

import json
from dataclasses import replace

import pytest

from support.specs import experiment_spec
from support.world import START, World, summary_of
from toprung.api.v1alpha1.conditions import ConditionRecord, ConditionType
from toprung.api.v1alpha1.experiment_status import ExperimentStatus
from toprung.api.v1alpha1.trial import TrialState
from toprung.metrics.types import Observation, Progress
from toprung.objects.conditions import to_json
from toprung.objects.sizes import bounded, lineage_is_full, size_of_value
from toprung.objects.trial import Lineage, TrialRecord
from toprung.objects.trial_json import trial_status
from toprung.planning.snapshot import Snapshot

ETCD = 1536 * 1024
AIMS = [{"metric": "f1", "type": "minimize"}, {"metric": "f2", "type": "minimize"}]


def stored_size(value):
    """Return the bytes that the API server writes: UTF-8, with <, > and & escaped."""
    text = json.dumps(value, ensure_ascii=False)
    return len(text.encode()) + 5 * sum(map(text.count, "<>&"))


def trial(index, parameters):
    seen = Observation(1, float(index), START, {"f2": -float(index)})
    progress = Progress(latest=seen, best=seen, latest_complete=seen)
    name, state = f"exp-{index}", TrialState.SUCCEEDED
    return TrialRecord("team/exp", "uid", name, f"u-{index}", index, parameters, START, state=state, progress=progress)


def status_with(text, *, trials, objectives=AIMS):
    one = {"objective": None, "objectives": objectives} if objectives else {}
    spec = experiment_spec(maxTrialCount=trials, parallelTrialCount=1, **one)
    parameters = {f"p{number}": text for number in range(64)}
    made = tuple(trial(index, {**parameters, "p0": f"{index}"}) for index in range(trials))
    return summary_of(Snapshot(World(spec, lambda *_: None).experiment(), made), START).status


@pytest.mark.parametrize("trials", [22, 1000])
@pytest.mark.parametrize("text", ["v" * 900, "é" * 1024, "🙂" * 1024, "<" * 1024, '"' * 1024, "\x01" * 1024])
def test_a_pareto_front_of_long_values_fits(text, trials):
    """The status has both ends and as many trials as fit, and reports that others are omitted."""
    status = status_with(text, trials=trials)
    assert stored_size(status) < ETCD / 2
    assert (len(status["paretoFront"]) >= 2, status["paretoFrontSize"]) == (True, trials)
    assert (status["paretoFront"][0]["trial"], status["paretoFront"][-1]["trial"]) == ("exp-0", f"exp-{trials - 1}")
    assert f"paretoFront has {len(status['paretoFront'])} of {trials} trials" in status["omitted"]
    ExperimentStatus.model_validate({k: v for k, v in status.items() if v is not None}, by_alias=True)


def test_a_short_pareto_front_is_complete():
    """The field status.omitted is absent."""
    status = status_with("v" * 20, trials=22)
    assert (len(status["paretoFront"]), status["omitted"]) == (22, None)


def test_parameters_are_omitted_whole():
    """A truncated value would be another value. Omitted parameters are counted."""
    status = status_with("🙂" * 1024, trials=1, objectives=None)
    best = status["best"]["parameters"]
    assert {len(value) for name, value in best.items() if name != "p0"} == {1024}
    assert f"best.parameters has {len(best)} of 64" in status["omitted"]
    assert bounded({"a": 1, "b": "x"}) == {"a": 1, "b": "x"}


@pytest.mark.parametrize("value", ["a<b>&c", "é🙂", '"\\\n\x01', 1.5, 10**15, True, ""])
def test_the_size_of_a_value_is_an_upper_bound(value):
    """It includes the characters that the API server escapes."""
    assert size_of_value(value) >= stored_size(value)


@pytest.mark.parametrize(
    ("text", "entries", "full"), [("v" * 900, 7, False), ("v" * 900, 9, True), ("v", 63, False), ("v", 64, True)]
)
def test_the_record_of_exploits_is_bounded(text, entries, full):
    """The limits are bytes, and the number of the schema."""
    parameters = {f"p{number}": text for number in range(64)}
    lineage = tuple(Lineage(step, "exp-9", step + 1, parameters) for step in range(entries))
    assert lineage_is_full(each.parameters for each in lineage) is full
    assert stored_size(trial_status(replace(trial(0, parameters), lineage=lineage))) < ETCD


@pytest.mark.parametrize("text", ["x" * 100_000, "🙂" * 50_000, "fine"])
def test_messages_are_truncated(text):
    """They fit into a status."""
    condition = ConditionRecord(ConditionType.VALID, False, "Invalid", text, 1, START)
    messages = [to_json(condition)["message"], trial_status(replace(trial(0, {}), message=text))["message"]]
    assert [len(message.encode()) <= 8192 for message in messages] == [True, True]
    assert [message for message in messages if message != text and not message.endswith("…")] == []
