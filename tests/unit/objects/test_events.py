"""Kubernetes Events as the API server accepts them."""

import dataclasses
from datetime import datetime, timedelta, timezone

import pytest

from toprung.objects.events import Event, event_object

TRIAL = {"apiVersion": "toprung.dev/v1alpha1", "kind": "Trial", "namespace": "team", "name": "mnist-3", "uid": "u-3"}
STOPPED = Event(involved=TRIAL, type="Normal", reason="EarlyStopped", message="at rung 3", key="3")
NOON = datetime(2026, 1, 2, 13, tzinfo=timezone(timedelta(hours=1)))


@pytest.mark.parametrize(
    ("other", "same"),
    [
        pytest.param({}, True, id="same occurrence"),
        pytest.param({"message": "in other words"}, True, id="the message does not count"),
        pytest.param({"key": "9"}, False, id="another occurrence"),
        pytest.param({"reason": "TrialStarted"}, False, id="another reason"),
        pytest.param({"involved": {**TRIAL, "uid": "u-4"}}, False, id="a later object of the same name"),
    ],
)
def test_each_occurrence_has_one_name(other, same):
    """A retry after a crash has the same name, and another occurrence a different one."""
    assert (dataclasses.replace(STOPPED, **other).name == STOPPED.name) is same


def test_names_fit_into_the_limit():
    """The longest name of an object leaves room for the suffix of its Events."""
    event = dataclasses.replace(STOPPED, involved={**TRIAL, "name": "n" * 253})
    assert len(event.name) == 253


@pytest.mark.parametrize(
    ("length", "kept"), [pytest.param(1024, 1024, id="longest"), pytest.param(5000, 1023, id="cut")]
)
def test_long_messages_are_truncated(length, kept):
    """The API server rejects messages of more than 1024 characters."""
    message = event_object(dataclasses.replace(STOPPED, message="m" * length), NOON)["message"]
    assert len(message) == 1024
    assert message.count("m") == kept


def test_an_event_has_the_fields_that_describe_shows():
    """`kubectl describe` shows type, reason, age and source."""
    shown = event_object(STOPPED, NOON)
    assert shown["metadata"] == {"name": STOPPED.name, "namespace": "team"}
    assert shown["involvedObject"] == TRIAL
    assert shown["firstTimestamp"] == shown["lastTimestamp"] == "2026-01-02T12:00:00Z"
    assert (shown["type"], shown["reason"]) == ("Normal", "EarlyStopped")
    assert shown["source"] == {"component": "toprung"}
    assert "count" not in shown
