"""Who gets the free slot."""

from datetime import timedelta

import pytest

from support.runs import check_invariants
from support.specs import PBT, POD_WITH_GPU, experiment_spec
from support.world import START, Program, World
from toprung.early_stopping.types import Decision, RungResult, Verdict
from toprung.errors import InvalidExperiment
from toprung.planning.slots import MAX_UNSCHEDULED


class Choosy:
    """A rule that pauses everybody, and would have trial 0 go on while there is anything new, else trial 1."""

    pauses, compares_curves = True, False

    def __init__(self):
        self.paused = {}

    def bracket(self, index):  # noqa: ARG002
        return 0

    def levels(self, bracket):  # noqa: ARG002
        return (1, 9)

    def record(self, arrival):
        self.paused.setdefault(arrival.index, arrival)

    def decide(self, arrival):  # noqa: ARG002
        return Verdict(Decision.PAUSE, "waits")

    def mark_continued(self, arrival):
        del self.paused[arrival.index]

    def mark_finished(self, bracket, index):  # noqa: ARG002
        self.paused.pop(index, None)

    def next_promotion(self, *, idle_slot=False):
        return self.paused.get(int(idle_slot))


class Secretive(Choosy):
    """One that does not say that it pauses."""

    pauses = False


def ruled_by(rule, **changes):
    """Two trials side by side under a rule of the author's own."""
    spec = experiment_spec(
        earlyStopping={"plugin": {"name": "mine"}},
        checkpoint={"volume": {"emptyDir": {}}},
        parallelTrialCount=2,
        **changes,
    )
    world = World(spec, lambda *_: Program((0.5,) * 9))
    world.rule = rule
    return world


@pytest.mark.parametrize(("most", "expected"), [(2, "exp-1"), (9, "exp-0")], ids=["nothing-new", "something-new"])
def test_a_rule_knows_whether_anything_new_is_left(most, expected):
    """With nothing new it is asked for a slot to spare at once, and not for its other choice first."""
    world = ruled_by(Choosy, maxTrialCount=most)
    while all(trial.attempt < 2 for trial in world.trial_records()):
        world.tick()
        world.execute(world.plan())
    assert [trial.name for trial in world.trial_records() if trial.attempt == 2] == [expected]


def test_a_rule_that_pauses_without_declaring_it_is_an_error():
    """Else nobody would look whether its trials can go on, and it is the author's to mend."""
    world = ruled_by(Secretive)
    for _ in range(2):
        world.execute(world.plan())
        world.tick()
    with pytest.raises(InvalidExperiment) as caught:
        world.plan()
    (fault,) = caught.value.errors
    assert (fault.path, fault.message) == (
        "spec.earlyStopping.plugin.name",
        "the rule gave the verdict Pause, and its `pauses` is false; make it true",
    )


class Eager(Choosy):
    """One that promotes a trial again and again, whether it waits or not."""

    def __init__(self, index):
        super().__init__()
        self.index = index

    def mark_continued(self, arrival):
        pass

    def next_promotion(self, *, idle_slot=False):  # noqa: ARG002 - the contract's
        return RungResult(0, 1, self.index, 0.5) if self.paused else None


@pytest.mark.parametrize("index", [0, 1, 7], ids=["again-as-its-pod-ends", "failed", "unknown"])
def test_a_trial_that_is_not_paused_cannot_be_promoted(index):
    """Of a rule of a user's own it is the author's to mend, and no pass goes on for ever."""
    world = ruled_by(lambda: Eager(index), trialTemplate={"template": POD_WITH_GPU})
    world.program = lambda trial, _: Program((), 1) if trial else slow_to_end(0.5)
    for _ in range(2):
        world.execute(world.plan())
        world.tick()
    with pytest.raises(InvalidExperiment, match=f"promotes trial {index}, which is not paused"):
        world.plan()


def slow_to_end(value):
    return Program((value,) * 9, None, grace=timedelta(seconds=20))


def starts_of(world, *names):
    """Run it for 40 seconds; gives when the Pods were made, in seconds since the start."""
    parameters, rungs = {}, {}
    for _ in range(40):
        world.execute(world.plan())
        check_invariants(world, parameters, rungs)
        world.tick()
    made = {pod.name: (pod.created - START).total_seconds() for pod in world.pod_records()}
    return [made[name] for name in names]


def with_devices(program, **changes):
    """Trials that can go on from a checkpoint, and hold a GPU until their Pods have ended."""
    checkpoint = {"volume": {"emptyDir": {}}}
    return World(experiment_spec(checkpoint=checkpoint, trialTemplate={"template": POD_WITH_GPU}, **changes), program)


def test_a_trial_that_exploits_and_is_slow_to_end_has_one_slot():
    """Its Pod has it, and its next attempt needs no other; so that of another one starts when its own has ended."""
    programs = [Program((0.9,) * 8), Program((0.8,) * 8), slow_to_end(0.1), Program((0.2,) * 8)]
    world = with_devices(
        lambda index, _: programs[index],
        earlyStopping={"pbt": {**PBT["pbt"], "quantileFraction": 0.5}},
        maxTrialCount=4,
        parallelTrialCount=4,
    )
    slow, quick = starts_of(world, "exp-2-2", "exp-3-2")
    assert (quick < 7, slow > 20) == (True, True)


def test_a_promoted_trial_that_is_slow_to_end_has_one_slot():
    """The other slot is for a new trial."""
    world = with_devices(
        lambda index, _: Program((0.5,) * 9) if index else slow_to_end(0.9),
        earlyStopping={"asha": {"maxResource": 9, "variant": "promotion", "rungSkew": 0}},
        parallelTrialCount=2,
    )
    slow, new = starts_of(world, "exp-0-2", "exp-3-1")
    assert (new < 15, slow > 20) == (True, True)


def test_pods_that_wait_for_a_node_are_bounded():
    """Thousands of them would delay the Pods of all namespaces in the scheduler's queue; the next follow as nodes appear."""
    world = World(
        experiment_spec(parallelTrialCount=500, maxTrialCount=1000), lambda *_: Program((0.5,), exit_code=None)
    )
    for _ in range(5):
        world.execute(world.plan())
    assert len(world.pods) == MAX_UNSCHEDULED
    for body in list(world.pods.values())[:10]:
        body["spec"]["nodeName"] = "node"
    world.execute(world.plan())
    assert len(world.pods) == MAX_UNSCHEDULED + 10
