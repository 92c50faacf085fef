"""Experiments run to their end in virtual time, and what must hold at every pass."""

import json
from dataclasses import replace

import pytest

from support.world import START
from toprung.objects.trial import RungVerdict
from toprung.planning.slots import holds_slot


def run_to_end(world, crashes=lambda: None, passes=400):
    """Plan and act until the experiment is over and no Pod runs; check the invariants at every pass."""
    parameters, rungs, lineages, ends = {}, {}, {}, set()
    for _ in range(passes):
        world.execute(world.plan(), crashes())
        ends |= {(each["type"], each["reason"], each["message"]) for each in ended_by(world)}
        assert len(ends) <= 1  # what is over stays over, by the same limit
        check_invariants(world, parameters, rungs)
        check_takeovers(world, lineages)
        if world.status.get("completionTime") and all(pod.ended for pod in world.pod_records()):
            return
        world.tick()
    pytest.fail(f"not over after {passes} passes: {world.status}")


def ended_by(world):
    """The conditions that say that the experiment is over."""
    conditions = world.status.get("conditions", ())
    return [each for each in conditions if each["type"] in {"Succeeded", "Failed"} and each["status"] == "True"]


def check_invariants(world, parameters, rungs):
    """Invariants 1 and 2 of the architecture."""
    assert sum(holds_slot(pod, world.now) for pod in world.pod_records()) <= world.spec.parallel_trial_count
    assert len(world.ever_made) == len(set(world.ever_made)) <= world.spec.max_trial_count
    for trial in world.trial_records():
        assert parameters.setdefault(trial.index, trial.parameters) == trial.parameters
        known, now = rungs.get(trial.index, ()), tuple(map(as_judged, trial.rungs))
        assert now[: len(known)] == known
        rungs[trial.index] = now


def check_takeovers(world, lineages):
    """A lineage only grows, names others, and each Pod runs with what it says from that attempt on."""
    for trial in world.trial_records():
        known, now = lineages.get(trial.index, ()), tuple(replace(each, extended=0) for each in trial.lineage)
        assert now[: len(known)] == known
        lineages[trial.index] = now
        for pod in world.pod_records():
            if pod.trial != trial.name:
                continue
            taken = [each for each in trial.lineage if each.attempt <= pod.attempt]
            body = world.pods[pod.name]["spec"]
            environment = {each["name"]: each.get("value") for each in body["containers"][0]["env"]}
            expected = taken[-1].parameters if taken else trial.parameters
            assert json.loads(environment["TOPRUNG_PARAMETERS"]) == expected
            assert bool(taken) == bool(body.get("initContainers"))
        assert trial.name not in {each.source for each in trial.lineage}
        assert len({each.attempt for each in trial.lineage}) == len(trial.lineage)


def as_judged(rung):
    """A rung as it was before its paused trial was promoted: its verdict and value never change otherwise."""
    verdict = RungVerdict.PAUSE if rung.verdict is RungVerdict.PROMOTE else rung.verdict
    return replace(rung, verdict=verdict, time=START)  # the time of a trial's end stands for it once it has ended
