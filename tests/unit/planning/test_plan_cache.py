"""Check which transitions of a plan serve the next one."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from support.specs import ASHA, POD, PROMOTION, experiment_spec
from support.world import Program, World
from toprung.api.v1alpha1.conditions import Reason
from toprung.api.v1alpha1.trial import TrialState
from toprung.objects.trial import RungRecord, RungVerdict, TrialRecord
from toprung.planning.plan import make_plan
from toprung.planning.plan_cache import PlanCache
from toprung.planning.transitions import TrialTransition

NOW = datetime(2026, 1, 1, tzinfo=UTC)
RUNNING = TrialRecord("team/exp", "uid", "exp-0", "uid-0", 0, {}, NOW, state=TrialState.RUNNING)
RUNG = RungRecord(1, 0.5, RungVerdict.CONTINUE, NOW)


@pytest.mark.parametrize(
    ("changes", "due", "repeats"),
    [
        pytest.param({}, None, True, id="unchanged"),
        pytest.param({"message": "waits"}, None, True, id="other-message"),
        pytest.param({}, NOW, False, id="due-later"),
        pytest.param({"state": TrialState.STOPPED}, None, False, id="ended"),
        pytest.param({"attempt": 2}, None, False, id="new-attempt"),
        pytest.param({"rungs": (RUNG,)}, None, False, id="new-rung"),
        pytest.param({"reason": Reason.NODE_LOST}, None, False, id="noted-reason"),
    ],
)
def test_a_transition_repeats_if_neither_time_nor_a_lost_write_changes_it(changes, due, repeats):
    """A transition that time changes, or that must be written, is made again with the time of the next plan."""
    assert TrialTransition(RUNNING, replace(RUNNING, **changes), None, due).repeats is repeats


@pytest.mark.parametrize(
    ("fields", "program"),
    [
        pytest.param({"trialTemplate": {"template": POD, "silenceTimeout": "4s"}}, Program((0.5,), None), id="silent"),
        pytest.param({"earlyStopping": {"patience": {"steps": 1}}}, Program((0.5,) * 9, None), id="ended"),
        pytest.param({"earlyStopping": ASHA}, Program((0.5,) * 9, None), id="new-rung"),
        pytest.param({"earlyStopping": PROMOTION}, Program((0.5,) * 9, None), id="paused"),
        pytest.param({}, Program((0.5,), disrupted=True), id="new-attempt"),
    ],
)
def test_a_later_plan_of_an_unwritten_snapshot_is_the_same_with_a_cache(fields, program):
    """The operator crashes before the first write, and plans a minute later."""
    world = World(experiment_spec(**{"checkpoint": {"volume": {"emptyDir": {}}}, **fields}), lambda *_: program)
    for _ in range(12):
        cache, snapshot, later = PlanCache(), world.snapshot(), world.now + timedelta(minutes=1)
        make_plan(snapshot, world.now, cache)
        assert make_plan(snapshot, later, cache) == make_plan(snapshot, later)
        world.execute(world.plan())
        world.tick()
