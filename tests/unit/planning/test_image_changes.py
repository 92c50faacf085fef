"""The images of trials, and the Event about a tag that moves during an experiment."""

from dataclasses import replace

import pytest

from support.specs import experiment_spec
from support.world import Program, World
from toprung.objects.trial import DeviceRecord
from toprung.planning.actions import EmitEvent
from toprung.planning.plan import make_plan

OLD, NEW = "docker.io/team/train@sha256:old", "docker.io/team/train@sha256:new"


def run(image: str, digests: list[str], retention: str = "all") -> list[EmitEvent]:
    """Run one trial after another, each with the digest that its image has then. Return the Events about images."""
    template = {"spec": {"containers": [{"name": "main", "image": image}]}}
    spec = experiment_spec(
        trialTemplate={"template": template},
        maxTrialCount=len(digests),
        parallelTrialCount=1,
        podRetention={"keep": retention},
    )
    world = World(spec, lambda *_: Program((0.5,) * 4))
    for _ in range(12 * len(digests)):
        world.execute(world.plan())
        world.tick()
        for name, body in world.pods.items():
            index = int(name.split("-")[1])
            for each in body["status"].setdefault("containerStatuses", [{"name": "main"}]):
                each["imageID"] = digests[index]
    assert [trial.image_id for trial in world.trial_records()] == digests
    return [event for event in world.events if event.reason == "ImageChanged"]


@pytest.mark.parametrize(
    ("digests", "keys"),
    [
        pytest.param([OLD, OLD, OLD], [], id="same digest"),
        pytest.param(["", "", ""], [], id="digest not known"),
        pytest.param([OLD, NEW, NEW], [f"image-{NEW}"], id="moved once"),
        pytest.param([OLD, "", NEW], [f"image-{NEW}"], id="one not known"),
    ],
)
@pytest.mark.parametrize("retention", ["all", "none"])
def test_a_moved_tag_is_reported(digests: list[str], keys: list[str], retention: str):
    """One Event has both trials and both digests, also if the earlier Pod was deleted."""
    events = run("team/train:1", digests, retention)
    found = {(event.key, event.warning, OLD in event.message, NEW in event.message) for event in events}
    assert found == {(key, True, True, True) for key in keys}


@pytest.mark.parametrize(
    ("image", "count"),
    [
        pytest.param("team/train:${trial.index}", 0, id="another tag"),
        pytest.param("team/${trial.name}", 0, id="another image"),
    ],
)
def test_different_images_are_not_compared(image: str, count: int):
    """An image that is a parameter has a digest for each value."""
    assert len(run(image, [OLD, NEW])) == count


@pytest.mark.parametrize(
    ("selector", "models", "model"),
    [
        pytest.param({}, {}, "", id="not known"),
        pytest.param({}, {"node": "H100"}, "H100", id="label of the node"),
        pytest.param({"nvidia.com/gpu.product": "A100"}, {}, "A100", id="nodeSelector"),
    ],
)
def test_a_trial_records_its_devices(selector: dict[str, str], models: dict[str, str], model: str):
    """The record has the name, the number and, if known, the model."""
    limits = {"nvidia.com/gpu": "2", "nvidia.com/gpumem": "10"}
    container = {"name": "main", "image": "x", "resources": {"limits": limits}}
    template = {"spec": {"nodeSelector": selector, "containers": [container]}}
    world = World(
        experiment_spec(trialTemplate={"template": template}, maxTrialCount=1, parallelTrialCount=1),
        lambda *_: Program((0.5,) * 4),
    )
    for _ in range(12):
        world.execute(make_plan(replace(world.snapshot(), models=models), world.now))
        world.tick()
        for body in world.pods.values():
            body["spec"]["nodeName"] = "node"
    (trial,) = world.trial_records()
    assert trial.devices == (DeviceRecord("nvidia.com/gpu", 2, model),)
