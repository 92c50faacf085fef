"""The environment variables of a trial."""

import json

import pytest

import toprung_trial as tr


@pytest.mark.parametrize(
    "configuration",
    [
        pytest.param({"lr": 1e-05, "layers": 2, "opt": "sgd", "nesterov": True}, id="types are kept"),
        pytest.param({}, id="empty"),
    ],
)
def test_parameters_are_the_configuration(monkeypatch, configuration):
    """The program gets what the operator wrote, and no default of its own beside it."""
    monkeypatch.setenv("TOPRUNG_PARAMETERS", json.dumps(configuration))
    assert tr.parameters(default={"momentum": 0.9}) == configuration


def test_parameters_by_hand_are_the_default_in_a_copy(monkeypatch):
    """Run by hand, a program gets its own default, which it may then change."""
    monkeypatch.delenv("TOPRUNG_PARAMETERS", raising=False)
    default = {"lr": 0.1}
    tr.parameters(default=default)["lr"] = 0.2
    assert tr.parameters(default=default) == {"lr": 0.1}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param(None, r"not set.*parameters\(default=", id="unset"),
        pytest.param("{lr: 1}", "is not JSON", id="no JSON"),
        pytest.param("[1]", "must be a JSON object", id="a list"),
        pytest.param("", "is not JSON", id="empty"),
    ],
)
def test_parameters_that_cannot_be_read_say_what_to_set(monkeypatch, text, message):
    """A program without a configuration ends with the name of the variable and what to write."""
    monkeypatch.delenv("TOPRUNG_PARAMETERS", raising=False)
    if text is not None:
        monkeypatch.setenv("TOPRUNG_PARAMETERS", text)
    with pytest.raises(tr.TrialError, match=message):
        tr.parameters()


@pytest.mark.parametrize(("text", "budget"), [(None, None), ("9", 9), ("1", 1)])
def test_resource_is_a_number_or_none(monkeypatch, text, budget):
    """The budget is a whole number; an Experiment without early stopping sets none."""
    monkeypatch.delenv("TOPRUNG_RESOURCE", raising=False)
    if text is not None:
        monkeypatch.setenv("TOPRUNG_RESOURCE", text)
    assert tr.resource() == budget


@pytest.mark.parametrize("text", ["", "0", "-3", "2.5", "nine"])
def test_resource_that_is_no_whole_number_is_refused(monkeypatch, text):
    """A budget that can't be kept is an error that quotes it."""
    monkeypatch.setenv("TOPRUNG_RESOURCE", text)
    with pytest.raises(tr.TrialError, match=f"TOPRUNG_RESOURCE is '{text}'"):
        tr.resource()


def test_trial_and_checkpoint_dir_are_none_by_hand(monkeypatch):
    """Outside of a trial there is no name and no folder."""
    for name in ("TOPRUNG_TRIAL", "TOPRUNG_CHECKPOINT_DIR"):
        monkeypatch.delenv(name, raising=False)
    assert (tr.trial(), tr.checkpoint_dir()) == (None, None)


def test_trial_and_checkpoint_dir_are_what_the_operator_says(monkeypatch):
    """Inside of one there are both."""
    monkeypatch.setenv("TOPRUNG_TRIAL", "mnist-3")
    monkeypatch.setenv("TOPRUNG_CHECKPOINT_DIR", "/checkpoints/mnist-3")
    assert (tr.trial(), tr.checkpoint_dir()) == ("mnist-3", "/checkpoints/mnist-3")
