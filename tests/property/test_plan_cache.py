"""A plan that reuses results of the last plan equals the plan without them."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support.planning_inputs import RULES, programs
from support.specs import PBT, POD_WITH_GPU, experiment_spec
from support.world import World
from toprung.planning.plan import make_plan
from toprung.planning.plan_cache import PlanCache

PROGRAMS = programs(exit_codes=[0, 0, 1, None], graces=[timedelta(0), timedelta(seconds=3)])


def shared(snapshot, earlier):
    """Return the snapshot with the objects of the earlier one where they are equal, as caches return them."""
    trials = {trial.name: trial for trial in earlier.trials}
    return replace(
        snapshot,
        experiment=replace(snapshot.experiment, spec=earlier.experiment.spec)
        if snapshot.experiment.spec == earlier.experiment.spec
        else snapshot.experiment,
        trials=tuple(trials[trial.name] if trials.get(trial.name) == trial else trial for trial in snapshot.trials),
    )


@pytest.mark.parametrize("early_stopping", RULES)
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_a_plan_is_the_same_with_and_without_a_cache(early_stopping, data):
    """Whatever the programs report, wherever the operator crashes, whatever a user deletes or edits."""
    fields = {
        "earlyStopping": early_stopping,
        "checkpoint": {"volume": {"emptyDir": {}}},
        "trialTemplate": {
            "template": POD_WITH_GPU,
            "retries": 1,
            **data.draw(st.sampled_from([{}, {"silenceTimeout": "4s"}])),
        },
        **data.draw(st.sampled_from([{}, {"maxDuration": "15s"}])),
    }

    def spec(trials):
        parallel = trials if early_stopping == PBT else 3
        return experiment_spec(**fields, maxTrialCount=trials, parallelTrialCount=parallel)

    drawn = [data.draw(PROGRAMS) for _ in range(6)]
    world = World(spec(6), lambda index, attempt: drawn[(index + attempt) % len(drawn)])
    cache, snapshot = PlanCache(), world.snapshot()
    for turn in range(data.draw(st.integers(1, 25))):
        snapshot = shared(world.snapshot(), snapshot)
        plan = make_plan(snapshot, world.now, cache)
        assert plan == make_plan(snapshot, world.now), f"turn {turn}"
        world.execute(plan, data.draw(st.none() | st.integers(0, 6)))
        match data.draw(st.sampled_from(["wait", "wait", "wait", "again", "delete", "edit"])):
            case "wait":
                world.tick(data.draw(st.sampled_from([1, 1, 2, 6])))
            case "delete":
                if world.trials:
                    del world.trials[data.draw(st.sampled_from(sorted(world.trials)))]
            case "edit":
                world.spec = spec(data.draw(st.sampled_from([3, 6, 9])))
