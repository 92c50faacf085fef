"""`toprung simulate`."""

import csv
import gzip
import json

import pytest
import yaml
from click.testing import CliRunner

from support.curves import table
from support.specs import ASHA, manifest
from toprung.cli.main import group


@pytest.fixture
def files(tmp_path):
    """Write an experiment and its table."""
    experiment = manifest(earlyStopping=ASHA, maxTrialCount=12)
    (tmp_path / "exp.yaml").write_text(yaml.safe_dump(experiment))
    with gzip.open(tmp_path / "curves.csv.gz", "wt") as lines:
        rows = csv.writer(lines)
        rows.writerow(["configuration", "lr", "step", "acc", "seconds"])
        for number, curve in enumerate(table(1).curves):
            for step, (value, seconds) in enumerate(zip(curve.values, curve.seconds, strict=True), start=1):
                rows.writerow([number, curve.parameters["lr"], step, value, seconds])
    return tmp_path


def invoke(files, *more):
    """Run `toprung simulate`."""
    arguments = ["simulate", str(files / "exp.yaml"), "--table", str(files / "curves.csv.gz"), *more]
    return CliRunner().invoke(group, arguments)


def test_json_is_the_same_each_time(files):
    """The seeds count up from algorithm.seed, and the same seed yields the same run."""
    first, again = (invoke(files, "--seeds", "2", "--start-cost", "0.5", "-o", "json") for _ in range(2))
    assert first.exit_code == 0, first.output
    assert first.stdout == again.stdout
    runs = json.loads(first.stdout)["runs"]
    assert [run["seed"] for run in runs] == [7, 8]
    assert {len(run["trials"]) for run in runs} == {12}
    assert runs[0]["trials"] != runs[1]["trials"]


def test_a_table_and_a_picture_for_people(files):
    """The text has each seed, the plot is written, and more workers need less time."""
    shown = invoke(files, "--seeds", "3", "--picture", str(files / "runs.png"))
    assert shown.exit_code == 0, shown.output
    assert "MaxTrial" in shown.output
    assert (files / "runs.png").read_bytes().startswith(b"\x89PNG")
    slow, fast = (json.loads(invoke(files, "--workers", n, "-o", "json").stdout)["runs"][0] for n in ("1", "12"))
    assert fast["seconds"] < slow["seconds"]


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        pytest.param({"objective": {"metric": "loss", "type": "minimize"}}, "no column loss", id="other-metric"),
        pytest.param(
            {
                "checkpoint": {"volume": {"emptyDir": {}}},
                "earlyStopping": {"pbt": {"resource": "epoch", "maxResource": 9, "perturbationInterval": 3}},
                "parallelTrialCount": 12,
                "maxTrialCount": 12,
            },
            "no table has recorded",
            id="pbt",
        ),
        pytest.param(
            {
                "objective": None,
                "objectives": [{"metric": "acc", "type": "maximize"}, {"metric": "latency", "type": "minimize"}],
            },
            "a recorded curve is of one metric; write objective",
            id="several-objectives",
        ),
    ],
)
def test_an_experiment_that_the_table_cannot_simulate_is_an_error(files, changes, word):
    """The message has the field."""
    (files / "exp.yaml").write_text(yaml.safe_dump(manifest(**changes)))
    refused = invoke(files)
    assert refused.exit_code != 0
    assert word in str(refused.exception)
