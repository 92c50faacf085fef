"""The output of frameworks is read without settings: recorded output, and the output of installed packages."""

import os
import re
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from toprung.collectors import LogReader
from toprung.metrics import LineFormat, Progress, Tracking, count, start_attempt

HERE = Path(__file__).parent
PYTHON = Path(os.environ.get("FRAMEWORKS_PYTHON", HERE.parents[1] / ".venv-frameworks" / "bin" / "python"))
STAMP = b"2026-01-02T03:04:05.000000000Z "
PROGRAMS = {
    "keras_fit": ("val_loss", ((1, 0.686), (2, 0.6671))),
    "lightning_fit": ("val_loss", ((1, 0.636),)),
    "lightning_tqdm": ("val_loss", ((0, 0.676), (1, 0.636))),
    "transformers_train": ("eval_loss", ((0.5, 0.6932), (1, 0.6932), (1.5, 0.6931), (2, 0.6931))),
    "xgboost_train": (
        "validation-auc",
        ((0, 0.69872), (1, 0.75962), (2, 0.8109), (3, 0.80449), (4, 0.82372)),
    ),
    "lightgbm_train": (
        "valid_0's auc",
        ((1, 0.829327), (2, 0.853365), (3, 0.822115), (4, 0.878205), (5, 0.882212)),
    ),
    "fastprogress_table": ("valid_loss", ((0, 0.7), (1, 0.35), (2, 0.233333))),
    "lightgbm_cv": (
        "valid's auc",
        ((1, 0.805566), (2, 0.82955), (3, 0.826763), (4, 0.861679), (5, 0.867722)),
    ),
    "lightning_validate": ("val_loss", ((1, 0.7226078510284424),)),
    "stable_baselines3_learn": ("ep_rew_mean", ((1, 18.3), (2, 17.6), (3, 19.2))),
    "tqdm_description": ("val_loss", ((1, 1.0), (2, 0.5), (3, 0.333), (4, 0.25), (5, 0.2))),
    "transformers_predict": ("test_loss", ((1, 0.6932),)),
    "tqdm_epochs": ("val_loss", ((1, 1.0), (2, 0.5), (3, 0.333), (4, 0.25), (5, 0.2))),
}


def curve(output, metric):
    """Return the curve that the operator reads from a program's output."""
    reader, progress = LogReader(LineFormat((metric,)), lambda: datetime.now(UTC)), start_attempt(Progress(), 1)
    tracking = Tracking(metric, maximize=False)
    log = b"".join(STAMP + line + b"\n" for line in output.split(b"\n"))
    for seen in (*reader.feed(log), *reader.close()):
        if seen is not None:
            progress = count(progress, seen.report, time=seen.time, position=seen.position, tracking=tracking)
    assert not progress.ignored
    return progress.curve


@pytest.mark.parametrize("program", PROGRAMS)
def test_recorded_output_is_read(program):
    """Each report is read with its step. No other line is read as a report."""
    metric, expected = PROGRAMS[program]
    assert curve((HERE / "output" / f"{program}.log").read_bytes(), metric) == expected


@pytest.mark.slow
@pytest.mark.parametrize("program", PROGRAMS)
def test_output_of_the_installed_package_is_read(program, tmp_path):
    """The installed version prints the same number of reports at the same steps."""
    if not PYTHON.exists():
        pytest.skip("the frameworks are not installed; run `make frameworks`")
    metric, expected = PROGRAMS[program]
    environment = {**os.environ, "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu", "PYTHONUNBUFFERED": "1"}
    environment.pop("PYTHONPATH", None)
    run = subprocess.run(
        [PYTHON, HERE / "programs" / f"{program}.py"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        cwd=tmp_path,
        env=environment,
        check=False,
        timeout=300,
    )
    assert run.returncode == 0, run.stdout.decode(errors="replace")[-2000:]
    assert [step for step, _ in curve(run.stdout, metric)] == [step for step, _ in expected]


def test_the_documentation_lists_all_programs():
    """Each row of the table links to a tested program, and has the metric that is read."""
    page = (HERE.parents[1] / "docs" / "metrics.md").read_text()
    table = [line for line in page.partition("## Frameworks")[2].partition("Notes:")[0].splitlines() if line[:1] == "|"]
    rows = [re.search(r"programs/(\w+)\.py\)\) \|[^|]*\| `([^`]+)` \|", line) for line in table[2:]]
    assert all(rows)
    assert {row[1]: row[2] for row in rows} == {program: metric for program, (metric, _) in PROGRAMS.items()}
