"""The decisions on all recorded tables by all rules are the recorded ones, as checksums.

`python tests/simulation/test_recorded_decisions.py` records them again, after a change that is meant to decide otherwise.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from toprung.cli.commands.simulate import simulate_command

TABLES = Path(__file__).parents[2] / "benchmarks" / "data"
RECORDED = Path(__file__).with_name("recorded_decisions.json")
CURVES = (
    {"digits": "digits", "digits-2000": "digits", "digits-grid": "digits-grid"}
    | {"mnist": "mnist"}
    | {"mnist-2000": "mnist"}
)
"""Name of a table -> name of its manifest."""
RUNGS = {"resource": "epoch", "minResource": 1, "maxResource": 27, "reductionFactor": 3}
RULES: dict[str, dict[str, Any] | None] = {
    "none": None,
    "asha-stopping": {"asha": {**RUNGS, "variant": "stopping"}},
    "asha-promotion": {"asha": {**RUNGS, "variant": "promotion"}},
    "hyperband": {"hyperband": {**RUNGS, "variant": "promotion"}},
    "successive-halving": {"successiveHalving": {**RUNGS, "trials": 27}},
    "median": {"median": {"resource": "epoch", "maxResource": 27}},
    "patience": {"patience": {"steps": 3}},
    "threshold": {"threshold": {"step": 3, "value": 0.5}},
}
ALGORITHMS: dict[str, dict[str, Any]] = {"random": {"random": {}}, "tpe": {"tpe": {}}}
CASES = [
    *((table, rule, "random", 81) for table in CURVES for rule in RULES),
    *((table, "asha-stopping", "tpe", 30) for table in CURVES),
]


def decisions(table: str, rule: str, algorithm: str, trials: int, folder: Path) -> str:
    """Return the checksum of the configurations of the trials, the verdicts of the rungs and the incumbents."""
    manifest = yaml.safe_load((TABLES / f"{CURVES[table]}.yaml").read_text())
    spec = manifest["spec"]
    spec |= {"maxTrialCount": trials, "parallelTrialCount": 8, "algorithm": {"seed": 3, **ALGORITHMS[algorithm]}}
    spec |= {"earlyStopping": RULES[rule], "checkpoint": {"volume": {"emptyDir": {}}}}
    if RULES[rule] is None:
        del spec["earlyStopping"]
    file = folder / "experiment.yaml"
    file.write_text(yaml.safe_dump(manifest))
    arguments = [str(file), "--table", str(TABLES / f"{table}.csv.gz"), "--output", "json"]
    result = CliRunner().invoke(simulate_command, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    (run,) = json.loads(result.stdout)["runs"]
    for each in (run, *run["incumbents"]):
        each["seconds"] = round(each["seconds"], 3)
    return hashlib.sha256(json.dumps(run, sort_keys=True).encode()).hexdigest()[:16]


@pytest.mark.parametrize("case", CASES, ids=lambda case: "/".join(map(str, case)))
def test_decisions_are_the_recorded_ones(case, tmp_path):
    """A restructured planner, sampler or rule makes the same decisions."""
    assert decisions(*case, tmp_path) == json.loads(RECORDED.read_text())["/".join(map(str, case))]


if __name__ == "__main__":
    from tempfile import TemporaryDirectory

    with TemporaryDirectory() as folder:
        found = {"/".join(map(str, case)): decisions(*case, Path(folder)) for case in CASES}
    RECORDED.write_text(json.dumps(found, indent=2) + "\n")
