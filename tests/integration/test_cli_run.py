"""`toprung run` and `toprung local` as a user calls them, with everything killed under their feet."""

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

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="what is left running is looked up in /proc")

ROOT = Path(__file__).parents[2]
PATIENCE = 120  # seconds; it only ends a test that hangs
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


class Place:
    """A folder of a user with a program and an Experiment in it."""

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
        out, err = process.communicate(timeout=PATIENCE)
        return process.returncode, out, err

    def log(self, word):
        """The trials that the programs' log names after that word."""
        path = self.path / "log.txt"
        lines = path.read_text().splitlines() if path.exists() else []
        return Counter(line.split()[1] for line in lines if line.startswith(f"{word} "))

    def until(self, condition):
        deadline = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < deadline, "it does not come to that"
            time.sleep(0.02)

    def processes(self):
        """Everything that was started from the folder, whatever it is."""
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
    place = Place(tmp_path.resolve())
    yield place
    place.kill_everything()


def names(count):
    return Counter({f"tiny-{i}": 1 for i in range(count)})


def endings(run):
    """The lines by which a run tells that a trial has succeeded: `[  2s] tiny-0 succeeded ...`."""
    return (line for line in run.stdout if " succeeded" in line)


def test_a_run_ends_with_the_best_trial(place):
    """Exit 0, parameters ready to copy, a picture, nothing left running; called again it shows the result at once."""
    code, out, err = place.call("run", "tiny.yaml", "--picture", "tiny.png")
    assert (code, err) == (0, "")
    assert re.search(r"parameters: \{x: 0\.\d+\}", out)
    assert (place.path / "tiny.png").read_bytes().startswith(b"\x89PNG")
    assert place.processes() == []
    started = place.log("start")
    code, out, _ = place.call("run", "tiny.yaml", "--output", "json")
    result = json.loads(out)[0]
    assert (code, result["state"], result["trials"]["succeeded"]) == (0, "Succeeded", TRIALS)
    assert place.log("start") == started == names(TRIALS)


@pytest.mark.parametrize("how", [pytest.param("kill -9", id="kill-9-of-everything"), pytest.param("INT", id="ctrl-c")])
def test_a_run_goes_on_where_it_was(place, how):
    """No trial is lost, none that was told to have ended runs again, and a larger maxTrialCount continues it.

    A program that is killed between its last line and its exit has not ended, so the log may name it twice.
    """
    run = place.popen("run", "tiny.yaml")
    told = [re.search(r"\] (\S+) succeeded", line)[1] for line, _ in zip(endings(run), range(2), strict=False)]
    if how == "INT":
        run.send_signal(signal.SIGINT)
        out, _ = run.communicate(timeout=PATIENCE)
        assert run.returncode == 130
        assert "Run the same command to continue" in out
        assert place.processes() == []
    else:
        place.kill_everything()
        run.communicate(timeout=PATIENCE)
    code, out, _ = place.call("run", "tiny.yaml", "--output", "json")
    assert (code, json.loads(out)[0]["trials"]["succeeded"]) == (0, TRIALS)
    assert set(place.log("end")) == set(names(TRIALS))
    assert [place.log("end")[trial] for trial in told] == [1, 1]
    before = place.log("end")
    place.apply(experiment(maxTrialCount=TRIALS + 1))
    assert place.call("run", "tiny.yaml")[0] == 0
    assert place.log("end") - before == Counter({f"tiny-{TRIALS}": 1})
    assert place.processes() == []


def test_a_failed_run_says_what_the_program_said(place):
    """Exit 1 with the program's last words; a change of what may not change is refused with --fresh as the way out."""
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
    assert place.log("end") == names(2)
    assert place.processes() == []


def test_a_proxy_is_not_asked_for_this_machine(place, monkeypatch):
    """A proxy in the environment that does not answer changes nothing, as with kubectl."""
    for name in ("HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "10.0.0.0/8")
    place.apply(experiment(maxTrialCount=2))
    code, out, err = place.call("run", "tiny.yaml")
    assert (code, "Succeeded" in out) == (0, True), err


def test_a_broken_database_is_reported_and_fresh_helps(place):
    """One line names the file and the correction; the broken file is kept."""
    folder = place.path / ".toprung"
    place.apply(experiment(maxTrialCount=2))
    assert place.call("run", "tiny.yaml")[0] == 0
    (folder / "cluster.sqlite").write_bytes(b"no database" * 1000)
    for command in (("run", "tiny.yaml"), ("local", "up")):
        code, _, err = place.call(*command)
        assert (code, "cluster.sqlite: Invalid value" in err, "--fresh" in err) == (1, True, True)
        assert "Traceback" not in err
    assert place.call("run", "tiny.yaml", "--fresh")[0] == 0
    assert len(list(folder.glob("cluster.sqlite.broken-*"))) == 1
    assert place.call("local", "down", "--wipe")[0] == 0
    assert not folder.exists()


@pytest.mark.parametrize("command", [("run", "tiny.yaml"), ("local", "up"), ("local", "status"), ("local", "down")])
def test_a_folder_that_others_may_write_to_is_refused(place, command):
    """Nothing in it is trusted: neither a lock, nor a kubeconfig, nor a token."""
    folder = place.path / ".toprung"
    folder.mkdir()
    folder.chmod(0o777)
    (folder / "lock").write_text("1")
    code, _, err = place.call(*command)
    assert (code, "other users may write to it" in err, "Traceback" in err) == (1, True, False)
    assert place.processes() == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        pytest.param(("run", "bad.yaml"), "bad.yaml:8: spec.algorithm.seed", id="every-fault-with-its-line"),
        pytest.param(("local", "up", "--dir", "train.py/x"), "choose another folder by --dir", id="folder"),
        pytest.param(("local", "up", "--port", "{port}"), "choose another one by --port", id="port"),
    ],
)
def test_what_goes_wrong_is_told_with_what_to_do(place, arguments, said):
    """Exit 1, no traceback, nothing started."""
    (place.path / "bad.yaml").write_text((place.path / "tiny.yaml").read_text().replace("seed: 3", "seed: -3"))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, _, err = place.call(*(argument.format(port=port) for argument in arguments))
    assert code == 1
    assert said in err
    assert "Traceback" not in err
    assert place.processes() == []


def test_a_cluster_stays_up(place):
    """It survives its command, is joined by runs, starts a killed operator again, and goes down whole."""
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
    place.until(lambda: place.log("start"))
    run.send_signal(signal.SIGINT)
    assert "continues the run" in run.communicate(timeout=PATIENCE)[0]
    assert place.call("run", "tiny.yaml")[0] == 0
    assert place.log("end") == names(2)
    status = json.loads(place.call("local", "status", "--output", "json")[1])
    assert (status["gpus"], status["gpus_free"], status["pods_running"]) == (2, 2, 0)
    assert [(e["namespace"], e["name"], e["state"]) for e in status["experiments"]] == [("team", "tiny", "Succeeded")]
    assert place.call("local", "down", "--wipe")[0] == 0
    assert place.processes() == []
    assert not (place.path / ".toprung").exists()
