"""`toprung run` and `toprung local` as a user calls them, also after all processes are killed."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
import yaml

from support.waiting import block_until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="what is left running is looked up in /proc")

ROOT = Path(__file__).parents[2]
TIMEOUT = 120  # seconds; only for a process that hangs
PROGRAM = """
import os, sys, time
trial, log = os.environ["TOPRUNG_TRIAL"], open("log.txt", "a")
print("start", trial, file=log, flush=True)
for epoch in range(1, 4):
    time.sleep(float(os.environ.get("PACE", "0.1")))
    print(f"epoch={epoch} acc={1 - (float(os.environ['TOPRUNG_PARAMETER_X']) - 0.7) ** 2 / epoch}", flush=True)
print("end", trial, file=log, flush=True)
"""
TRIALS = 6


def experiment(**spec):
    container = {"name": "train", "image": "none", "command": ["python", "train.py"]}
    return {
        "apiVersion": "toprung.dev/v1alpha1",
        "kind": "Experiment",
        "metadata": {"name": "tiny"},
        "spec": {
            "objective": {"metric": "acc", "type": "maximize"},
            "parameters": [{"name": "x", "type": "double", "min": 0, "max": 1}],
            "algorithm": {"seed": 3, "random": {}},
            "parallelTrialCount": 2,
            "maxTrialCount": TRIALS,
            "trialTemplate": {"template": {"spec": {"containers": [container]}}},
            **spec,
        },
    }


class UserFolder:
    """A user's folder with a program and an Experiment."""

    def __init__(self, path):
        self.path = path
        self.write(PROGRAM)
        self.apply(experiment())

    def write(self, program):
        (self.path / "train.py").write_text(program)

    def apply(self, *objects):
        (self.path / "tiny.yaml").write_text(yaml.safe_dump_all(objects))

    def popen(self, *arguments):
        return subprocess.Popen(
            [sys.executable, "-m", "toprung.cli", *arguments],
            cwd=self.path,
            env={**os.environ, "PYTHONPATH": str(ROOT / "operator")},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def call(self, *arguments):
        process = self.popen(*arguments)
        out, err = process.communicate(timeout=TIMEOUT)
        return process.returncode, out, err

    def trials_logged(self, word):
        """Return the trials that the programs' log has after a word."""
        path = self.path / "log.txt"
        lines = path.read_text().splitlines() if path.exists() else []
        return Counter(line.split()[1] for line in lines if line.startswith(f"{word} "))

    def processes(self):
        """Return all processes that were started from the folder."""
        found = []
        for process in Path("/proc").iterdir():
            try:
                if process.name.isdigit() and (process / "cwd").readlink() == self.path:
                    found.append(int(process.name))
            except OSError:
                continue
        return found

    def kill_everything(self):
        while pids := self.processes():
            for pid in pids:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    continue
            time.sleep(0.02)


@pytest.fixture
def place(tmp_path):
    place = UserFolder(tmp_path.resolve())
    yield place
    place.kill_everything()


def names(count):
    return Counter({f"tiny-{i}": 1 for i in range(count)})


def success_lines(run):
    """Return the lines that report a successful trial: `[  2s] tiny-0 succeeded ...`."""
    return (line for line in run.stdout if " succeeded" in line)


def test_a_run_ends_with_the_best_trial(place):
    """The exit code is 0, the parameters are ready to copy, the picture exists and no process remains.

    A second call shows the result immediately.
    """
    code, out, err = place.call("run", "tiny.yaml", "--picture", "tiny.png")
    assert (code, err) == (0, "")
    assert re.search(r"parameters: \{x: 0\.\d+\}", out)
    assert (place.path / "tiny.png").read_bytes().startswith(b"\x89PNG")
    assert place.processes() == []
    started = place.trials_logged("start")
    code, out, _ = place.call("run", "tiny.yaml", "--output", "json")
    result = json.loads(out)[0]
    assert (code, result["state"], result["trials"]["succeeded"]) == (0, "Succeeded", TRIALS)
    assert place.trials_logged("start") == started == names(TRIALS)


def kill_all(place, run):
    """Kill all processes of the run."""
    place.kill_everything()
    run.communicate(timeout=TIMEOUT)


def press_ctrl_c(place, run):
    """Send SIGINT, and check that the run ends and prints how to continue."""
    run.send_signal(signal.SIGINT)
    out, _ = run.communicate(timeout=TIMEOUT)
    assert run.returncode == 130
    assert "Run the same command to continue" in out
    assert place.processes() == []


@pytest.mark.parametrize("interrupt", [pytest.param(kill_all, id="sigkill"), pytest.param(press_ctrl_c, id="ctrl-c")])
def test_an_interrupted_run_continues(place, interrupt):
    """No trial is lost, no reported trial runs again, and a larger maxTrialCount continues the run.

    A program that is killed between its last line and its exit has not ended. The log may have its trial twice.
    """
    run = place.popen("run", "tiny.yaml")
    reported = [
        re.search(r"\] (\S+) succeeded", line)[1] for line, _ in zip(success_lines(run), range(2), strict=False)
    ]
    interrupt(place, run)
    code, out, _ = place.call("run", "tiny.yaml", "--output", "json")
    assert (code, json.loads(out)[0]["trials"]["succeeded"]) == (0, TRIALS)
    assert set(place.trials_logged("end")) == set(names(TRIALS))
    assert [place.trials_logged("end")[trial] for trial in reported] == [1, 1]
    before = place.trials_logged("end")
    place.apply(experiment(maxTrialCount=TRIALS + 1))
    assert place.call("run", "tiny.yaml")[0] == 0
    assert place.trials_logged("end") - before == Counter({f"tiny-{TRIALS}": 1})
    assert place.processes() == []


def test_two_runs_that_start_at_the_same_time_share_a_cluster(place):
    """The second run waits until the cluster of the first one serves requests."""
    runs = [place.popen("run", "tiny.yaml", "--dir", "state") for _ in range(2)]
    outputs = [run.communicate(timeout=TIMEOUT) for run in runs]
    assert [run.returncode for run in runs] == [0, 0], outputs


def test_a_failed_run_quotes_the_program(place):
    """The exit code is 1, and the program's last lines are printed.

    For a change of an immutable field the error suggests --fresh.
    """
    place.write("raise SystemExit('no data set in /data')")
    place.apply(experiment(maxFailedTrialCount=0, parallelTrialCount=1))
    code, out, _ = place.call("run", "tiny.yaml")
    assert code == 1
    assert "no data set in /data" in out
    place.write(PROGRAM)
    changed = experiment(algorithm={"seed": 4, "random": {}}, maxTrialCount=2)
    place.apply(changed)
    code, out, err = place.call("run", "tiny.yaml")
    assert (code, err.count("\n")) == (1, 1)
    assert "--fresh" in err
    assert place.call("run", "tiny.yaml", "--fresh")[0] == 0
    assert place.trials_logged("end") == names(2)
    assert place.processes() == []


def test_loopback_bypasses_a_proxy(place, monkeypatch):
    """A proxy in the environment that does not answer has no effect, as with kubectl."""
    for name in ("HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "10.0.0.0/8")
    place.apply(experiment(maxTrialCount=2))
    code, out, err = place.call("run", "tiny.yaml")
    assert (code, "Succeeded" in out) == (0, True), err


def test_a_broken_database_is_reported_and_replaced_by_fresh(place):
    """One line has the file and the correction. `--fresh` keeps the broken file."""
    folder = place.path / ".toprung"
    place.apply(experiment(maxTrialCount=2))
    assert place.call("run", "tiny.yaml")[0] == 0
    (folder / "cluster.sqlite").write_bytes(b"no database" * 1000)
    errors = [place.call("run", "tiny.yaml"), place.call("local", "up")]
    assert [code for code, _, _ in errors] == [1, 1]
    assert ["cluster.sqlite: Invalid value" in err and "--fresh" in err for _, _, err in errors] == [True, True]
    assert ["Traceback" in err for _, _, err in errors] == [False, False]
    assert place.call("run", "tiny.yaml", "--fresh")[0] == 0
    assert len(list(folder.glob("cluster.sqlite.broken-*"))) == 1
    assert place.call("local", "down", "--wipe")[0] == 0
    assert not folder.exists()


@pytest.mark.parametrize("command", [("run", "tiny.yaml"), ("local", "up"), ("local", "status"), ("local", "down")])
def test_a_folder_that_other_users_can_write_is_refused(place, command):
    """Its lock, kubeconfig and token are not used."""
    folder = place.path / ".toprung"
    folder.mkdir()
    folder.chmod(0o777)
    (folder / "lock").write_text("1")
    code, _, err = place.call(*command)
    assert (code, "other users may write to it" in err, "Traceback" in err) == (1, True, False)
    assert place.processes() == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(("run", "bad.yaml"), "bad.yaml:8: spec.algorithm.seed", id="each-error-with-its-line"),
        pytest.param(("local", "up", "--dir", "train.py/x"), "choose another folder by --dir", id="folder"),
        pytest.param(("local", "up", "--port", "{port}"), "choose another one by --port", id="port"),
    ],
)
def test_an_error_has_a_correction(place, arguments, message):
    """The exit code is 1, there is no traceback, and no process is started."""
    (place.path / "bad.yaml").write_text((place.path / "tiny.yaml").read_text().replace("seed: 3", "seed: -3"))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, _, err = place.call(*(argument.format(port=port) for argument in arguments))
    assert code == 1
    assert message in err
    assert "Traceback" not in err
    assert place.processes() == []


def test_a_cluster_stays_up(place):
    """The cluster outlives its command, serves runs, restarts a killed operator, and stops completely."""
    code, out, _ = place.call("local", "up", "--gpus", "2")
    assert (code, out.splitlines()[0]) == (0, f"export KUBECONFIG={place.path}/.toprung/kubeconfig")
    code, out, _ = place.call("local", "up")
    assert code == 0
    assert "already running" in out
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", "namespace": "team"}}
    elsewhere = experiment(maxTrialCount=2)
    elsewhere["metadata"]["namespace"] = "team"
    place.apply(config, elsewhere)
    operator = next(pid for pid in place.processes() if b"operator" in Path(f"/proc/{pid}/cmdline").read_bytes())
    os.kill(operator, signal.SIGKILL)
    run = place.popen("run", "tiny.yaml")
    block_until(lambda: place.trials_logged("start"))
    run.send_signal(signal.SIGINT)
    assert "continues the run" in run.communicate(timeout=TIMEOUT)[0]
    assert place.call("run", "tiny.yaml")[0] == 0
    assert place.trials_logged("end") == names(2)
    status = json.loads(place.call("local", "status", "--output", "json")[1])
    assert (status["gpus"], status["gpus_free"], status["pods_running"]) == (2, 2, 0)
    assert [(e["namespace"], e["name"], e["state"]) for e in status["experiments"]] == [("team", "tiny", "Succeeded")]
    assert place.call("local", "down", "--wipe")[0] == 0
    assert place.processes() == []
    assert not (place.path / ".toprung").exists()
