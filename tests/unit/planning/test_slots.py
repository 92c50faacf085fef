"""The assignment of free slots."""

from datetime import timedelta

import pytest

from support.runs import check_invariants
from support.specs import PBT, POD_WITH_GPU, experiment_spec
from support.world import START, Program, World
from toprung.early_stopping.types import Decision, RungResult, Verdict
from toprung.errors import InvalidExperiment
from toprung.planning.slots import MAX_UNSCHEDULED


class Conditional:
    """A rule that pauses all trials. It promotes trial 0 while new suggestions are left, and otherwise trial 1."""

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


class Undeclared(Conditional):
    """A rule that does not declare that it pauses trials."""

    pauses = False


def ruled_by(rule, **changes):
    """Return a world of two parallel trials under a custom rule."""
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
def test_a_rule_is_asked_with_an_idle_slot_once_no_suggestion_is_left(most, expected):
    """Without suggestions the slot is idle, so that the second choice of the rule is used immediately."""
    world = ruled_by(Conditional, maxTrialCount=most)
    world.run_until(lambda: any(trial.attempt == 2 for trial in world.trial_records()))
    assert [trial.name for trial in world.trial_records() if trial.attempt == 2] == [expected]


def test_a_rule_that_pauses_without_declaring_it_is_an_error():
    """Otherwise no promotion of its trials would be requested. The user corrects the rule."""
    world = ruled_by(Undeclared)
    for _ in range(2):
        world.execute(world.plan())
        world.tick()
    with pytest.raises(InvalidExperiment) as caught:
        world.plan()
    (error,) = caught.value.errors
    assert (error.path, error.message) == (
        "spec.earlyStopping.plugin.name",
        "the rule decided Pause, but its `pauses` is False. Set `pauses = True`.",
    )


class Repeating(Conditional):
    """A rule that promotes the same trial repeatedly."""

    def __init__(self, index):
        super().__init__()
        self.index = index

    def mark_continued(self, arrival):
        pass

    def next_promotion(self, *, idle_slot=False):  # noqa: ARG002 - the contract's
        return RungResult(0, 1, self.index, 0.5) if self.paused else None


@pytest.mark.parametrize("index", [0, 1, 7], ids=["again-as-its-pod-ends", "failed", "unknown"])
def test_a_trial_that_is_not_paused_cannot_be_promoted(index):
    """It is an error of the custom rule, and the reconciliation ends."""
    world = ruled_by(lambda: Repeating(index), trialTemplate={"template": POD_WITH_GPU})
    world.program = lambda trial, _: Program((), 1) if trial else slow_to_end(0.5)
    for _ in range(2):
        world.execute(world.plan())
        world.tick()
    with pytest.raises(InvalidExperiment, match=f"promotes trial {index}, which is not paused"):
        world.plan()


def slow_to_end(value):
    return Program((value,) * 9, None, grace=timedelta(seconds=20))


def start_times(world, *names):
    """Run the world for 40 seconds, and return the seconds after which the Pods were created."""
    parameters, rungs = {}, {}
    for _ in range(40):
        world.execute(world.plan())
        check_invariants(world, parameters, rungs)
        world.tick()
    made = {pod.name: (pod.created - START).total_seconds() for pod in world.pod_records()}
    return [made[name] for name in names]


def with_devices(program, **changes):
    """Return a world of trials that resume from checkpoints, and hold a GPU until their Pods have ended."""
    checkpoint = {"volume": {"emptyDir": {}}}
    return World(experiment_spec(checkpoint=checkpoint, trialTemplate={"template": POD_WITH_GPU}, **changes), program)


def test_a_trial_that_exploits_and_is_slow_to_end_has_one_slot():
    """Its next attempt uses the slot of its Pod. Another trial's attempt starts when its own Pod has ended."""
    programs = [Program((0.9,) * 8), Program((0.8,) * 8), slow_to_end(0.1), Program((0.2,) * 8)]
    world = with_devices(
        lambda index, _: programs[index],
        earlyStopping={"pbt": {**PBT["pbt"], "quantileFraction": 0.5}},
        maxTrialCount=4,
        parallelTrialCount=4,
    )
    slow, quick = start_times(world, "exp-2-2", "exp-3-2")
    assert (quick < 7, slow > 20) == (True, True)


def test_a_promoted_trial_that_is_slow_to_end_has_one_slot():
    """A new trial has the other slot."""
    world = with_devices(
        lambda index, _: Program((0.5,) * 9) if index else slow_to_end(0.9),
        earlyStopping={"asha": {"maxResource": 9, "variant": "promotion", "rungSkew": 0}},
        parallelTrialCount=2,
    )
    slow, new = start_times(world, "exp-0-2", "exp-3-1")
    assert (new < 15, slow > 20) == (True, True)


def test_pods_that_wait_for_a_node_are_bounded():
    """Thousands of them would delay other Pods in the scheduler's queue. More follow as nodes become available."""
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
