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
    """The program receives the configuration of the operator, without its own defaults."""
    monkeypatch.setenv("TOPRUNG_PARAMETERS", json.dumps(configuration))
    assert tr.parameters(default={"momentum": 0.9}) == configuration


def test_without_an_operator_parameters_are_a_copy_of_the_default(monkeypatch):
    """The program can change the copy."""
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
def test_unreadable_parameters_are_an_error_with_a_correction(monkeypatch, text, message):
    """The message has the name of the variable."""
    monkeypatch.delenv("TOPRUNG_PARAMETERS", raising=False)
    if text is not None:
        monkeypatch.setenv("TOPRUNG_PARAMETERS", text)
    with pytest.raises(tr.TrialError, match=message):
        tr.parameters()


@pytest.mark.parametrize(("text", "budget"), [(None, None), ("9", 9), ("1", 1)])
def test_resource_is_a_number_or_none(monkeypatch, text, budget):
    """The budget is an integer. An Experiment without early stopping sets none."""
    monkeypatch.delenv("TOPRUNG_RESOURCE", raising=False)
    if text is not None:
        monkeypatch.setenv("TOPRUNG_RESOURCE", text)
    assert tr.resource() == budget


@pytest.mark.parametrize("text", ["", "0", "-3", "2.5", "nine"])
def test_a_resource_that_is_no_integer_is_an_error(monkeypatch, text):
    """The message quotes it."""
    monkeypatch.setenv("TOPRUNG_RESOURCE", text)
    with pytest.raises(tr.TrialError, match=f"TOPRUNG_RESOURCE: Invalid value: '{text}'"):
        tr.resource()


def test_without_an_operator_trial_and_checkpoint_dir_are_none(monkeypatch):
    """The program can run outside of a cluster."""
    for name in ("TOPRUNG_TRIAL", "TOPRUNG_CHECKPOINT_DIR"):
        monkeypatch.delenv(name, raising=False)
    assert (tr.trial(), tr.checkpoint_dir()) == (None, None)


def test_trial_and_checkpoint_dir_are_those_of_the_operator(monkeypatch):
    """Both are environment variables."""
    monkeypatch.setenv("TOPRUNG_TRIAL", "mnist-3")
    monkeypatch.setenv("TOPRUNG_CHECKPOINT_DIR", "/checkpoints/mnist-3")
    assert (tr.trial(), tr.checkpoint_dir()) == ("mnist-3", "/checkpoints/mnist-3")
