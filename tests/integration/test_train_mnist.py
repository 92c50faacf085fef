"""The example program trains, resumes exactly, and reads all parameters of its Experiment."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

torch = pytest.importorskip("torch")
from toprung_trial.examples import train_mnist  # noqa: E402

ROOT = Path(train_mnist.__file__).parents[3]
CONFIGURATION = {"lr": 0.01, "batch": 128, "opt": "adam", "layers": 1, "channels": 4, "dropout": 0.3}


@pytest.fixture(scope="module")
def small():
    """Return the first 600 images, so that an epoch takes milliseconds."""
    with pytest.MonkeyPatch.context() as patch:
        rows = train_mnist.read_rows()
        patch.setattr(train_mnist, "read_rows", lambda: rows[::8][:600])
        patch.setattr(train_mnist, "TRAINING_IMAGES", 500)
        yield


@pytest.fixture
def attempt(small, capfd, monkeypatch):
    """Return a function that runs one attempt in this process: (folder, budget) -> its reports."""
    threads = torch.get_num_threads()

    def run(folder, resource, **parameters):
        monkeypatch.setenv("TOPRUNG_CHECKPOINT_DIR", str(folder))
        monkeypatch.setenv("TOPRUNG_RESOURCE", str(resource))
        monkeypatch.setenv("TOPRUNG_PARAMETERS", json.dumps({**CONFIGURATION, **parameters}))
        train_mnist.main([])
        return [json.loads(line) for line in capfd.readouterr().out.splitlines()]

    yield run
    torch.set_num_threads(threads)


@pytest.mark.parametrize(
    "parameters",
    [pytest.param({}, id="adam"), pytest.param({"opt": "sgd", "momentum": 0.8}, id="sgd")],
)
def test_a_resumed_run_equals_an_uninterrupted_one(attempt, tmp_path, parameters):
    """With the same seed, three attempts of one, two and one epochs have the curve and weights of one attempt
    of four.
    """
    whole = attempt(tmp_path / "whole", 4, **parameters)
    parts = [report for budget in (1, 3, 4) for report in attempt(tmp_path / "parts", budget, **parameters)]
    assert [report["epoch"] for report in whole] == [1, 2, 3, 4]
    assert parts == whole
    one, other = (torch.load(tmp_path / name / "epoch-4", weights_only=True) for name in ("whole", "parts"))
    assert one["network"].keys() == other["network"].keys()
    assert all(torch.equal(one["network"][name], other["network"][name]) for name in one["network"])


@pytest.mark.parametrize(
    ("broken", "instead"),
    [
        pytest.param("torch.nn.Module.load_state_dict", lambda *_: None, id="weights-not-restored"),
        pytest.param("torch.optim.Adam.load_state_dict", lambda *_: None, id="optimizer-not-restored"),
        pytest.param("torch.manual_seed", lambda _: torch.seed(), id="random-numbers-not-restored"),
        pytest.param("toprung_trial.checkpoints.Checkpoints.load", lambda *_: 0, id="checkpoint-ignored"),
    ],
)
def test_an_incomplete_checkpoint_changes_the_curve(attempt, tmp_path, monkeypatch, broken, instead):
    """The comparison detects each part that a checkpoint must restore."""
    whole = attempt(tmp_path / "whole", 3)
    first = attempt(tmp_path / "parts", 2)
    assert first == whole[:2]
    monkeypatch.setattr(broken, instead)
    assert [*first, *attempt(tmp_path / "parts", 3)] != whole


def test_a_trial_that_exploits_keeps_its_own_learning_rate(attempt, tmp_path):
    """The source's checkpoint has weights and moments, not the configuration."""
    for name in ("one", "other"):
        attempt(tmp_path / name, 2)
    assert attempt(tmp_path / "one", 3) != attempt(tmp_path / "other", 3, lr=0.001)
    (group,) = torch.load(tmp_path / "other" / "epoch-3", weights_only=True)["optimizer"]["param_groups"]
    assert group["lr"] == 0.001


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"lr": 0.001}, id="lr"),
        pytest.param({"seed": 1}, id="seed"),
        pytest.param({"dropout": 0.0}, id="dropout"),
    ],
)
def test_each_parameter_changes_the_curve(attempt, tmp_path, change):
    """No tuned parameter is without effect."""
    assert attempt(tmp_path / "one", 2) != attempt(tmp_path / "other", 2, **change)


def test_a_diverging_run_reports_non_finite_values(attempt, tmp_path):
    """The infinite loss is a string in a line of JSON."""
    last = attempt(tmp_path, 2, opt="sgd", momentum=0.99, lr=1e30)[-1]
    assert last["train_loss"] in ("nan", "inf")
    assert last["val_accuracy"] < 0.5


@pytest.mark.parametrize("end", [0, -1], ids=["first", "last"])
def test_each_parameter_of_the_experiment_is_known(end):
    """The bounds and choices of examples/mnist.yaml are arguments of the program."""
    spec = yaml.safe_load((ROOT / "examples" / "mnist.yaml").read_text())["spec"]
    values = {
        parameter["name"]: (parameter.get("values") or [parameter["min"], parameter["max"]])[end]
        for parameter in spec["parameters"]
    }
    arguments = train_mnist.arguments([f"--{name.replace('_', '-')}={value}" for name, value in values.items()])
    assert {name: getattr(arguments, name) for name in values} == values


def test_an_unknown_parameter_is_refused(monkeypatch, capsys):
    """The program exits with an error that names the parameter."""
    monkeypatch.setenv("TOPRUNG_PARAMETERS", '{"learning_rate": 0.1}')
    with pytest.raises(SystemExit):
        train_mnist.arguments([])
    assert "--learning-rate" in capsys.readouterr().err


def test_the_command_of_the_experiment_trains(tmp_path):
    """The command of the Pod trains on all images. A killed attempt is resumed, and the curve is that of an
    uninterrupted run.
    """
    spec = yaml.safe_load((ROOT / "examples" / "mnist.yaml").read_text())["spec"]
    python, *program = spec["trialTemplate"]["template"]["spec"]["containers"][0]["command"]
    assert python == "python"

    def start(folder, resource):
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(sys.path),
            "TOPRUNG_PARAMETERS": json.dumps(CONFIGURATION),
            "TOPRUNG_RESOURCE": str(resource),
            "TOPRUNG_CHECKPOINT_DIR": str(tmp_path / folder),
        }
        return subprocess.Popen(
            [sys.executable, *program], env=environment, cwd=tmp_path, stdout=subprocess.PIPE, text=True
        )

    with start("whole", 4) as whole, start("killed", 99) as killed:
        first = [killed.stdout.readline() for _ in range(2)]
        killed.send_signal(signal.SIGKILL)
        first += killed.stdout.readlines()
        reports = [json.loads(line) for line in whole.stdout]
    with start("killed", max(4, len(first) + 1)) as resumed:
        second = [json.loads(line) for line in resumed.stdout]
    curve = {report["epoch"]: report for report in [*map(json.loads, first), *second]}
    assert [curve[epoch] for epoch in (1, 2, 3, 4)] == reports
    assert min(report["epoch"] for report in second) > 1
    assert reports[-1]["val_accuracy"] > 0.9
