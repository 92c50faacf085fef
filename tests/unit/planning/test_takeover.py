"""How a trial gets the checkpoint of the one that it takes over from."""

import os
import shutil
import subprocess
from dataclasses import replace

import pytest

from simulation.specs import experiment_spec
from simulation.world import START, Program, World
from toprung.early_stopping.types import Decision, Exploit, Verdict
from toprung.errors import InvalidExperiment
from toprung.objects.checkpoint_copy import CONTAINER, COPY
from toprung.objects.codec import trial_from, trial_status
from toprung.objects.manifests import CHECKPOINT_VOLUME, pod_manifest
from toprung.objects.records import Lineage, TrialRecord
from toprung_trial.checkpoints import _PARTIAL as PARTIAL

LINEAGE = (Lineage(4, "exp-1", 2, {"lr": 0.02}), Lineage(8, "exp-0", 4, {"lr": 0.03}))
MAIN = {"name": "main", "image": "img", "imagePullPolicy": "Never", "args": ["--lr=${parameters.lr}"]}


def made(lineage=LINEAGE, **template):
    """The Pod of trial 3 of an Experiment with a checkpoint."""
    pod = {"spec": {"containers": [MAIN], **template}}
    checkpoint = {"volume": {"emptyDir": {}}, "mountPath": "/keep"}
    world = World(experiment_spec(checkpoint=checkpoint, trialTemplate={"template": pod}), lambda *_: None)
    trial = TrialRecord("team/exp", "uid-exp", "exp-3", "uid-3", 3, {"lr": 0.01}, START, lineage=lineage)
    return pod_manifest(world.experiment(), trial, 4, 9)["spec"]


def test_the_copy_comes_first():
    """It is made by the trial's own image, before the author's own containers, and sees the volume."""
    copying, own = made(initContainers=[{"name": "own", "image": "x"}])["initContainers"]
    assert own["name"] == "own"
    assert (copying["name"], copying["image"], copying["imagePullPolicy"]) == (CONTAINER, "img", "Never")
    assert copying["volumeMounts"] == [{"name": CHECKPOINT_VOLUME, "mountPath": "/keep"}]
    assert {each["name"]: each["value"] for each in copying["env"]} == {
        "TOPRUNG_CHECKPOINT_DIR": "/keep/exp-uid-exp/exp-3",
        "TOPRUNG_CHECKPOINT_FROM": "/keep/exp-uid-exp/exp-0",
        "TOPRUNG_TAKEOVER": "4",
    }


def test_the_program_gets_the_last_parameters():
    """By placeholders and by variables; it need not know that it took over."""
    main = made()["containers"][0]
    environment = {each["name"]: each["value"] for each in main["env"]}
    assert main["args"] == ["--lr=0.03"]
    assert environment["TOPRUNG_PARAMETERS"] == '{"lr": 0.03}'
    assert environment["TOPRUNG_PARAMETER_LR"] == "0.03"
    assert "TOPRUNG_CHECKPOINT_FROM" not in environment


def test_nothing_is_copied_without_a_takeover():
    """A trial with nobody before it has no such container."""
    assert "initContainers" not in made(lineage=())


@pytest.mark.parametrize(
    ("step", "lr"),
    [
        pytest.param(1, 0.01, id="at-first"),
        pytest.param(4, 0.01, id="up-to-the-takeover"),
        pytest.param(5, 0.02, id="after-it"),
        pytest.param(8, 0.02, id="up-to-the-next"),
        pytest.param(9, 0.03, id="after-that"),
    ],
)
def test_parameters_of_a_report(step, lr):
    """Each report is known by the parameters that it came from."""
    trial = TrialRecord("team/exp", "uid-exp", "exp-3", "uid-3", 3, {"lr": 0.01}, START, lineage=LINEAGE)
    assert trial.parameters_at(step) == {"lr": lr}


def test_a_lineage_is_kept():
    """What is written into the Trial's status is read again; without one the list is empty."""
    trial = TrialRecord("team/exp", "", "exp-3", "uid-3", 3, {"lr": 0.01}, START, lineage=LINEAGE)
    body = {
        "metadata": {
            "namespace": "team",
            "name": "exp-3",
            "uid": "uid-3",
            "creationTimestamp": START.isoformat(),
            "resourceVersion": "1",
        },
        "spec": {"experiment": "exp", "index": 3, "parameters": {"lr": 0.01}},
        "status": trial_status(trial),
    }
    assert trial_from(body).lineage == LINEAGE
    assert body["status"]["parameters"] == "lr=0.03"
    assert trial_from({**body, "status": {}}).lineage == ()


class Envious:
    """A rule as a user may write it: every trial takes over from one and the same, at once."""

    pauses = compares_curves = False

    def __init__(self, exploit):
        self.exploit = exploit

    def bracket(self, index):  # noqa: ARG002
        return 0

    def levels(self, bracket):  # noqa: ARG002
        return (1, 9)

    def judge(self, arrival):
        takes = arrival.index == 0 and arrival.resource == 1
        return Verdict(Decision.EXPLOIT, "poor", self.exploit) if takes else Verdict(Decision.CONTINUE, "good")

    def record(self, *_):
        pass

    release = withdraw = record

    def promotion(self, *, spare=False):  # noqa: ARG002 - the contract's
        return None


def envious(exploit, checkpoint):
    """Two trials that have reported, under that rule."""
    spec = experiment_spec(earlyStopping={"plugin": {"name": "envious"}}, checkpoint=checkpoint)
    world = World(spec, lambda *_: Program((0.5,) * 9))
    world.stopper = lambda: Envious(exploit)
    for _ in range(2):
        world.execute(world.plan())
        world.tick()
    world.tick()
    return world


KEPT = {"volume": {"emptyDir": {}}}
FROM_1 = Exploit(1, 7, 0.0, (1.2,))


@pytest.mark.parametrize(
    ("exploit", "checkpoint", "says"),
    [
        pytest.param(FROM_1, None, "Recreate the Experiment with spec.checkpoint", id="no-checkpoint"),
        pytest.param(None, KEPT, "Exploit with no donor; name the index of another trial", id="nobody"),
        pytest.param(replace(FROM_1, donor=0), KEPT, "Exploit with the donor 0; name", id="itself"),
        pytest.param(replace(FROM_1, donor=77), KEPT, "Exploit with the donor 77; name", id="unknown"),
    ],
)
def test_a_takeover_that_can_not_be_is_the_authors_to_mend(exploit, checkpoint, says):
    """A rule of a user's own is refused like any other that can't be used, with what to write instead."""
    world = envious(exploit, checkpoint)
    with pytest.raises(InvalidExperiment) as caught:
        world.plan()
    (fault,) = caught.value.faults
    assert fault.path == "spec.earlyStopping.plugin.name"
    assert says in fault.message


def test_a_takeover_by_a_rule_of_a_users_own():
    """With checkpoints, and from another trial, it is one like any other."""
    world = envious(FROM_1, KEPT)
    world.execute(world.plan())
    assert [each.source for each in world.trial_records()[0].lineage] == ["exp-1"]


def copy(folder, takeover=2):
    """Run what the container runs, with no pause between its tries; with the folder's own cp, if it has one."""
    (folder / "sleep").write_text("#!/bin/sh\n")
    (folder / "sleep").chmod(0o755)
    environment = {
        "PATH": f"{folder}:{os.environ['PATH']}",
        "TOPRUNG_CHECKPOINT_DIR": str(folder / "mine"),
        "TOPRUNG_CHECKPOINT_FROM": str(folder / "theirs"),
        "TOPRUNG_TAKEOVER": str(takeover),
    }
    return subprocess.run(["sh", "-c", COPY], env=environment, capture_output=True, text=True, check=False)


def write(path, text):
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)


@pytest.mark.parametrize("own", [True, False], ids=["own-checkpoint", "none-yet"])
def test_a_checkpoint_takes_the_place_of_another(tmp_path, own):
    """Whole: nothing of the trial's own is left in it, and the other one keeps its own."""
    if own:
        write(tmp_path / "mine" / "old", "mine")
    write(tmp_path / "theirs" / "epoch", "4")
    write(tmp_path / "theirs" / f"{PARTIAL}x", "half")
    assert copy(tmp_path).returncode == 0
    assert {path.name: path.read_text() for path in (tmp_path / "mine").iterdir()} == {"epoch": "4"}
    assert (tmp_path / "theirs" / "epoch").read_text() == "4"


def test_a_retry_keeps_what_was_trained_since(tmp_path):
    """The copy is made once for each takeover, however many attempts there are; the next takeover makes another."""
    write(tmp_path / "theirs" / "epoch", "4")
    assert copy(tmp_path).returncode == 0
    write(tmp_path / "mine" / "epoch", "5")
    assert copy(tmp_path).returncode == 0
    assert (tmp_path / "mine" / "epoch").read_text() == "5"
    assert copy(tmp_path, takeover=3).returncode == 0
    assert (tmp_path / "mine" / "epoch").read_text() == "4"


def test_a_copy_that_was_killed_is_made_again(tmp_path):
    """Half a copy is never taken for a checkpoint."""
    write(tmp_path / "mine" / "epoch", "2")
    write(tmp_path / "mine.new" / "half", "4")
    write(tmp_path / "theirs" / "epoch", "4")
    assert copy(tmp_path).returncode == 0
    assert {path.name for path in (tmp_path / "mine").iterdir()} == {"epoch"}


def test_what_is_gone_after_the_copy_is_not_taken(tmp_path):
    """The other trial has saved its next epoch and removed the one that is being copied: it may be half of one."""
    write(tmp_path / "mine" / "epoch-2", "mine")
    write(tmp_path / "theirs" / "epoch-4", "4")
    saves = f"cd {tmp_path}/theirs; [ -e epoch-5 ] || {{ echo 5 > epoch-5; rm epoch-4; }}"
    write(tmp_path / "cp", f'#!/bin/sh\n{shutil.which("cp")} "$@"; {saves}\n')
    (tmp_path / "cp").chmod(0o755)
    assert copy(tmp_path).returncode == 0
    assert {path.name: path.read_text() for path in (tmp_path / "mine").iterdir()} == {"epoch-5": "5\n"}


@pytest.mark.parametrize("theirs", [None, f"{PARTIAL}x"], ids=["nothing", "half-written"])
def test_a_checkpoint_that_is_not_there_is_told(tmp_path, theirs):
    """The trial's own is left as it was."""
    write(tmp_path / "mine" / "epoch", "2")
    if theirs:
        write(tmp_path / "theirs" / theirs, "4")
    failed = copy(tmp_path)
    assert failed.returncode == 1
    assert "the program must write one before it reports" in failed.stderr
    assert (tmp_path / "mine" / "epoch").read_text() == "2"
