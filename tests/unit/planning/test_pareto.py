"""Trials with several objectives."""

from dataclasses import replace
from math import inf, nan

import pytest

from support.specs import experiment_spec
from support.world import START
from toprung.api.v1alpha1.conditions import Reason
from toprung.api.v1alpha1.trial import TrialState
from toprung.metrics.types import Observation, Progress
from toprung.objects.pod import PodPhase, PodRecord
from toprung.objects.trial import Lineage, TrialRecord
from toprung.objects.trial_json import trial_from, trial_status
from toprung.planning.attempt_outcome import Attempt, change_of
from toprung.planning.pareto import MAX_MEMBERS, front_status
from toprung.planning.scoring import evaluation, incumbent

AIMS = [{"metric": "acc", "type": "maximize"}, {"metric": "latency", "type": "minimize"}]
SPEC = experiment_spec(objective=None, objectives=AIMS)
ONE = experiment_spec()


def trial(index, acc, latency, state=TrialState.SUCCEEDED):
    """Return a trial whose last report has both metrics, or only the accuracy."""
    seen = Observation(3, acc, START, {} if latency is None else {"latency": latency})
    progress = Progress(latest=seen, best=seen, latest_complete=None if latency is None else seen)
    name = f"exp-{index}"
    return TrialRecord(
        "team/exp", "uid", name, f"uid-{index}", index, {"lr": 0.1}, START, state=state, progress=progress
    )


def names(trials, spec=SPEC):
    return [member["trial"] for member in front_status(trials, spec)["paretoFront"]]


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        pytest.param(trial(1, 0.8, 5), ["exp-0", "exp-1"], id="a-trade"),
        pytest.param(trial(1, 0.95, 20), ["exp-1", "exp-0"], id="the-best-by-the-first-comes-first"),
        pytest.param(trial(1, 0.9, 10), ["exp-0", "exp-1"], id="equal"),
        pytest.param(trial(1, 0.8, 11), ["exp-0"], id="dominated"),
        pytest.param(trial(1, 0.95, 9), ["exp-1"], id="dominating"),
        pytest.param(trial(1, 0.8, 5, TrialState.STOPPED), ["exp-0", "exp-1"], id="stopped-early"),
        *(
            pytest.param(trial(1, 0.8, 5, state), ["exp-0"], id=state)
            for state in (TrialState.RUNNING, TrialState.PAUSED, TrialState.FAILED)
        ),
        pytest.param(trial(1, 0.95, None), ["exp-0"], id="one-metric-is-missing"),
        pytest.param(trial(1, 0.95, nan), ["exp-0"], id="nan"),
        pytest.param(trial(1, 0.95, -inf), ["exp-0"], id="infinite"),
        pytest.param(trial(1, inf, 1), ["exp-0"], id="infinite-first"),
    ],
)
def test_the_members_of_the_pareto_front(other, expected):
    """They are successful or stopped trials with finite objectives that no other trial dominates."""
    assert names([trial(0, 0.9, 10), other]) == expected


def test_a_member_of_the_front_has_its_values():
    """The values are those reported, for both directions."""
    assert front_status([trial(0, 0.9, 10)], SPEC) == {
        "paretoFront": [{"trial": "exp-0", "values": {"acc": 0.9, "latency": 10}, "parameters": {"lr": 0.1}}],
        "paretoFrontSize": 1,
    }


def test_a_member_of_the_front_has_its_last_parameters_after_an_exploit():
    """They are the parameters of its values."""
    taken = Lineage(1, "exp-9", 2, {"lr": 0.01})
    assert front_status([replace(trial(0, 0.9, 10), lineage=(taken,))], SPEC)["paretoFront"][0]["parameters"] == {
        "lr": 0.01
    }


def test_a_long_front_is_thinned():
    """Both ends stay, and some trials between them."""
    trials = [trial(index, index, index) for index in range(200)]
    kept = names(trials)
    assert (len(kept), kept[0], kept[-1]) == (MAX_MEMBERS, "exp-199", "exp-0")
    assert len(set(kept)) == MAX_MEMBERS
    assert front_status(trials, SPEC)["paretoFrontSize"] == 200


def test_one_objective_has_no_front():
    """The status has a best trial instead."""
    assert set(front_status([trial(0, 0.9, 10)], ONE).values()) == {None}


@pytest.mark.parametrize(
    ("one", "score", "scores"),
    [
        pytest.param(trial(0, 0.9, 10), 0.9, (0.9, -10), id="ended"),
        pytest.param(trial(0, 0.9, nan), 0.9, (0.9, -inf), id="nan"),
        pytest.param(trial(0, 0.9, None), 0.9, (), id="one-metric-is-missing"),
        pytest.param(trial(0, 0.9, 10, TrialState.RUNNING), None, (), id="running"),
        pytest.param(trial(0, 0.9, 10, TrialState.FAILED), -inf, (), id="failed"),
    ],
)
def test_the_scores_that_a_sampler_receives(one, score, scores):
    """They are the scores of all objectives of an ended trial. Larger is better."""
    converted = evaluation(one, SPEC)
    assert (converted.score, converted.scores) == (score, scores)


def test_an_incomplete_last_report_does_not_count():
    """A trial that ends between two lines has the score of its last report of all objectives."""
    ended = trial(0, 0.9, 10)
    ended = replace(ended, progress=replace(ended.progress, latest=Observation(4, 0.99, START)))
    best = incumbent([ended], SPEC.primary_objective)
    assert best is not None
    assert best[1].value == evaluation(ended, SPEC).score == 0.9
    assert front_status([ended], SPEC)["paretoFront"][0]["values"] == {"acc": 0.9, "latency": 10}


def test_the_last_complete_report_survives_a_restart():
    """It is stored in the Trial's status."""
    before = trial(0, 0.9, 10)
    metadata = {
        "name": "exp-0",
        "namespace": "team",
        "uid": "uid-0",
        "creationTimestamp": "2026-01-01T00:00:00Z",
        "resourceVersion": "1",
    }
    spec = {"experiment": "exp", "index": 0, "parameters": {"lr": 0.1}}
    after = trial_from({"metadata": metadata, "spec": spec, "status": trial_status(before)})
    assert front_status([after], SPEC) == front_status([before], SPEC)


def test_a_program_that_never_prints_all_objectives_has_failed():
    """The message has the missing ones and the line to print."""
    ended = PodRecord("team/exp", "uid-0", "exp-0-1", "p", "exp-0", 1, PodPhase.SUCCEEDED, START)
    change = change_of(Attempt(SPEC, trial(0, 0.9, None, TrialState.RUNNING), ended, START))
    assert change is not None
    assert change.reason == Reason.METRICS_UNAVAILABLE
    assert "the objectives acc, latency were never printed at one step" in change.message
    assert "acc=0.5 latency=0.5" in change.message
