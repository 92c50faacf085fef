"""Device time counts once, up to the verdict or the end of the Pod."""

import pytest

from support.runs import run_to_end
from support.specs import PBT, POD_WITH_GPU, PROMOTION, experiment_spec
from support.world import Program, World

FLAT, CRASHES = Program((0.5,) * 10), Program((0.5,) * 10, 1)


@pytest.mark.parametrize(
    ("changes", "program", "seconds"),
    [
        pytest.param({}, FLAT, [10.0, 10.0], id="to-the-end"),
        pytest.param({"maxDuration": "9s"}, FLAT, [9.0, 9.0], id="cut-off"),
        pytest.param({}, CRASHES, [20.0, 20.0], id="retried"),
        pytest.param({"maxDuration": "10s"}, CRASHES, [10.0, 10.0], id="retried-as-the-experiment-ends"),
        pytest.param({"earlyStopping": PBT, "maxDuration": "2s"}, FLAT, [2.0, 2.0], id="taken-over-as-it-ends"),
        pytest.param(
            {"earlyStopping": PROMOTION | {"patience": {"steps": 1}}, "maxTrialCount": 3},
            FLAT,
            [1.0, 1.0, 1.0],
            id="stopped-as-it-waits",
        ),
    ],
)
def test_device_time(changes, program, seconds):
    """Each Pod holds one GPU, starts a second after its creation, and reports every second."""
    spec = {"maxTrialCount": 2, "checkpoint": {"volume": {"emptyDir": {}}}}
    spec |= {"trialTemplate": {"template": POD_WITH_GPU, "retries": 1}}
    world = World(experiment_spec(**spec | changes), lambda *_: program)
    run_to_end(world)
    assert [trial.accelerator_seconds for trial in world.trial_records()] == seconds
    assert world.status["accelerators"]["seconds"] == sum(seconds)
