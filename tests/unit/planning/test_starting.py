"""Who gets the free slot."""

import pytest

from simulation.specs import experiment_spec
from simulation.world import Program, World
from toprung.api.errors import InvalidExperiment
from toprung.stopping.types import Outcome, Verdict


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

    def judge(self, arrival):  # noqa: ARG002
        return Verdict(Outcome.PAUSE, "waits")

    def release(self, arrival):
        del self.paused[arrival.index]

    def withdraw(self, bracket, index):  # noqa: ARG002
        self.paused.pop(index, None)

    def promotion(self, *, spare=False):
        return self.paused.get(int(spare))


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
    world.stopper = rule
    return world


@pytest.mark.parametrize(("most", "expected"), [(2, "exp-1"), (9, "exp-0")], ids=["nothing-new", "something-new"])
def test_a_rule_knows_whether_anything_new_is_left(most, expected):
    """With nothing new it is asked for a slot to spare at once, and not for its other choice first."""
    world = ruled_by(Choosy, maxTrialCount=most)
    while all(trial.attempt < 2 for trial in world.trial_records()):
        world.tick()
        world.carry_out(world.plan())
    assert [trial.name for trial in world.trial_records() if trial.attempt == 2] == [expected]


def test_a_rule_that_pauses_says_so():
    """Else nobody would look whether its trials can go on, and it is the author's to mend."""
    world = ruled_by(Secretive)
    for _ in range(2):
        world.carry_out(world.plan())
        world.tick()
    with pytest.raises(InvalidExperiment) as caught:
        world.plan()
    (fault,) = caught.value.faults
    assert (fault.path, fault.message) == (
        "spec.earlyStopping.plugin.name",
        "the rule gave the verdict Pause, and its `pauses` is false; make it true",
    )
