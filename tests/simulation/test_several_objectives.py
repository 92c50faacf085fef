"""Simulate whole experiments with several objectives and crashes at any write."""

import math

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support.runs import run_to_end
from support.specs import ASHA, PBT, POD, PROMOTION, experiment_spec
from support.world import Program, World
from toprung.planning.scoring import evaluation

OBJECTIVES = [{"metric": "acc", "type": "maximize"}, {"metric": "latency", "type": "minimize"}]
SEVERAL = {"objective": None, "objectives": OBJECTIVES, "checkpoint": {"volume": {"emptyDir": {}}}}
VALUES = st.sampled_from([0.1, 0.2, 0.3, 0.4]) | st.sampled_from([math.nan, math.inf, -math.inf])
BOTH = st.fixed_dictionaries({"acc": VALUES, "latency": VALUES})
PROGRAMS = st.builds(
    Program,
    values=st.lists(BOTH | BOTH | BOTH | st.fixed_dictionaries({"acc": VALUES}), max_size=9).map(tuple),
    exit_code=st.sampled_from([0, 0, 0, 1]),
)


def reached(world):
    """Return, for each Trial that counts, its name and its last values of both objectives, as stored."""
    found = {}
    for name, trial in world.trials.items():
        status = trial["status"]
        if status["state"] in ("Succeeded", "Stopped") and (seen := status.get("latestComplete")):
            values = seen.get("value"), seen["metrics"].get("latency")
            if None not in values:
                found[name] = values
    return found


def undominated(found):
    """Return the trials that no other dominates: larger accuracy, smaller latency."""

    def beats(one, other):
        return one != other and one[0] >= other[0] and one[1] <= other[1]

    return {name for name, values in found.items() if not any(beats(other, values) for other in found.values())}


@pytest.mark.parametrize(
    "early_stopping",
    [
        pytest.param(None, id="none"),
        pytest.param(ASHA, id="asha"),
        pytest.param(PROMOTION, id="asha-promotion"),
        pytest.param(PBT, id="pbt"),
    ],
)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_the_final_pareto_front_has_the_non_dominated_trials(early_stopping, data):
    """Each member has the values of its Trial, whatever the programs print and wherever the operator crashes."""
    programs = [data.draw(PROGRAMS) for _ in range(6)]
    points = iter(data.draw(st.lists(st.integers(0, 12), max_size=40)))
    spec = experiment_spec(**SEVERAL, earlyStopping=early_stopping, maxTrialCount=6, parallelTrialCount=6)
    world = World(spec, lambda index, _: programs[index])
    run_to_end(world, lambda: next(points, None))
    found = reached(world)
    front = world.status["paretoFront"]
    assert {member["trial"] for member in front} == undominated(found)
    assert len(front) == world.status["paretoFrontSize"]
    values = {member["trial"]: (member["values"]["acc"], member["values"]["latency"]) for member in front}
    assert values == {name: found[name] for name in values}
    assert [-member["values"]["acc"] for member in front] == sorted(-member["values"]["acc"] for member in front)
    succeeded = [each["status"] for each in world.trials.values() if each["status"]["state"] == "Succeeded"]
    assert all(status.get("latestComplete") for status in succeeded)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_a_restarted_operator_finds_the_same_front(data):
    """Without early stopping, the result does not depend on crashes."""
    programs = [data.draw(PROGRAMS) for _ in range(6)]
    points = iter(data.draw(st.lists(st.integers(0, 4), min_size=1, max_size=40)))
    spec = experiment_spec(**SEVERAL, maxTrialCount=6, parallelTrialCount=3)
    worlds = [World(spec, lambda index, _: programs[index]) for _ in range(2)]
    run_to_end(worlds[0])
    run_to_end(worlds[1], lambda: next(points, None))
    assert worlds[0].status["paretoFront"] == worlds[1].status["paretoFront"]


def both(acc, latency):
    return {"acc": acc, "latency": latency}


def test_the_first_objective_decides_which_trials_are_stopped():
    """The best trial by the second objective is stopped early, and is on the front with its values so far."""
    curves = [[both(0.9 - 0.1 * index, 5.0 - index)] * 9 for index in range(4)]
    spec = experiment_spec(**SEVERAL, earlyStopping=ASHA, maxTrialCount=4, parallelTrialCount=4)
    world = World(spec, lambda index, _: Program(tuple(curves[index])))
    run_to_end(world)
    assert [trial.state for trial in world.trial_records()] == ["Succeeded", "Stopped", "Stopped", "Stopped"]
    assert [member["trial"] for member in world.status["paretoFront"]] == ["exp-0", "exp-1", "exp-2", "exp-3"]
    assert world.status["best"]["trial"] == "exp-0"


def test_progress_is_of_the_first_objective():
    """Improvements of the second objective do not prevent the end by stopWhenNoProgress."""
    spec = experiment_spec(**SEVERAL, maxTrialCount=10, parallelTrialCount=1, stopWhenNoProgress={"trials": 3})
    world = World(spec, lambda index, _: Program((both(0.5, -index),)))
    run_to_end(world)
    assert len(world.trials) == 4
    assert [member["trial"] for member in world.status["paretoFront"]] == ["exp-3"]


def test_a_population_compares_the_first_objective():
    """The worst trial by it exploits the best one, and its end counts with its new parameters."""
    spec = experiment_spec(**SEVERAL, earlyStopping=PBT, maxTrialCount=4, parallelTrialCount=4)
    accuracies = (0.5, 0.6, 0.9, 0.1)
    world = World(spec, lambda index, _: Program((both(accuracies[index], 5.0 - index),) * 8))
    run_to_end(world)
    *others, worst = world.trial_records()
    assert [each.source for each in worst.lineage] == ["exp-2"]
    assert not any(each.lineage for each in others)
    assert world.status["paretoFront"][-1] == {
        "trial": worst.name,
        "values": both(0.1, 2.0),
        "parameters": worst.current_parameters,
    }


def test_metrics_on_lines_of_their_own_steps_fail_the_trial():
    """A trial without a step that has all objectives fails, and its message states the line to print."""
    spec = experiment_spec(
        **SEVERAL, maxTrialCount=1, parallelTrialCount=1, trialTemplate={"retries": 0, "template": POD}
    )
    world = World(spec, lambda *_: Program(({"acc": 0.9},)))
    run_to_end(world)
    (trial,) = world.trials.values()
    assert trial["status"]["state"] == "Failed"
    assert "acc=0.5 latency=0.5" in trial["status"]["message"]
    assert world.status["paretoFront"] == []


def test_a_second_objective_that_is_not_finite_is_known_after_a_restart():
    """A missing member of status.latestComplete.metrics was not finite, so the trial is not on the front."""
    spec = experiment_spec(**SEVERAL, maxTrialCount=2, parallelTrialCount=1)
    world = World(spec, lambda index, _: Program((both(0.9, math.nan if index == 0 else 2.0),)))
    run_to_end(world)
    assert world.trials["exp-0"]["status"]["latestComplete"]["metrics"] == {}
    assert [member["trial"] for member in world.status["paretoFront"]] == ["exp-1"]
    assert evaluation(world.trial_records()[0], spec).scores == (0.9, -math.inf)


def test_a_report_that_is_not_finite_is_written_once():
    """A value that the API server does not store causes no further write."""
    spec = experiment_spec(**SEVERAL, maxTrialCount=1, parallelTrialCount=1)
    world = World(spec, lambda *_: Program((both(0.9, math.nan),), exit_code=None))
    for _ in range(30):
        world.execute(world.plan())
        world.tick()
    assert world.trials["exp-0"]["status"]["latest"]["step"] == 1
    assert world.plan().chains == ()
