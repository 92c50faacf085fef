"""Run experiments to their end in virtual time, and check invariants at every reconciliation."""

import json
from dataclasses import replace

import pytest

from support.world import START
from toprung.objects.trial import RungVerdict
from toprung.planning.slots import holds_slot


def run_to_end(world, crashes=lambda: None, reconciliations=400):
    """Plan and execute until the experiment is complete and no Pod runs. Check the invariants each time."""
    parameters, rungs, lineages, ends = {}, {}, {}, set()
    for _ in range(reconciliations):
        world.execute(world.plan(), crashes())
        ends |= {(each["type"], each["reason"], each["message"]) for each in ended_by(world)}
        assert len(ends) <= 1  # the end and its reason do not change
        check_invariants(world, parameters, rungs)
        check_exploits(world, lineages)
        if world.status.get("completionTime") and all(pod.ended for pod in world.pod_records()):
            return
        world.tick()
    pytest.fail(f"not over after {reconciliations} reconciliations: {world.status}")


def ended_by(world):
    """Return the conditions that mark the end of the experiment."""
    conditions = world.status.get("conditions", ())
    return [each for each in conditions if each["type"] in {"Succeeded", "Failed"} and each["status"] == "True"]


def check_invariants(world, parameters, rungs):
    """Check invariants 1 and 2 of the architecture."""
    assert sum(holds_slot(pod, world.now) for pod in world.pod_records()) <= world.spec.parallel_trial_count
    assert len(world.created_names) == len(set(world.created_names)) <= world.spec.max_trial_count
    for trial in world.trial_records():
        assert parameters.setdefault(trial.index, trial.parameters) == trial.parameters
        known, now = rungs.get(trial.index, ()), tuple(map(as_judged, trial.rungs))
        assert now[: len(known)] == known
        rungs[trial.index] = now


def check_exploits(world, lineages):
    """Check that a lineage only grows and names other trials, and that each Pod runs with its parameters."""
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
    """Return a rung as it was before its paused trial was promoted. Its verdict and value never change otherwise."""
    verdict = RungVerdict.PAUSE if rung.verdict is RungVerdict.PROMOTE else rung.verdict
    return replace(rung, verdict=verdict, time=START)  # replaced by the time of the trial's end once it has ended
