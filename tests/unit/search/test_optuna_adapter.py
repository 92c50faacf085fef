"""The conversion of trials for Optuna."""

import math
import random

import pytest
from optuna.trial import TrialState

from support.search import LR, evaluation, parameters
from toprung.search.samplers.optuna_adapter import OptunaStudy, distribution, optuna_values
from toprung.search.space import Space
from toprung.search.types import EvaluationState

RUNNING, COMPLETE, STOPPED, FAILED = (
    EvaluationState.RUNNING,
    EvaluationState.COMPLETE,
    EvaluationState.STOPPED,
    EvaluationState.FAILED,
)
POOR = (TrialState.RUNNING, None, {})
INF = math.inf


@pytest.mark.parametrize(
    ("trial", "expected"),
    [
        pytest.param({"state": RUNNING}, POOR, id="running"),
        pytest.param({"state": RUNNING, "score": 0.5}, POOR, id="running-between-rungs"),
        pytest.param(
            {"state": RUNNING, "rungs": [(1, 0.5), (3, 0.7)]},
            (TrialState.PRUNED, None, {3: 0.7}),
            id="running-at-a-rung",
        ),
        pytest.param(
            {"state": STOPPED, "score": 0.9, "rungs": [(1, 0.5)]}, (TrialState.PRUNED, None, {1: 0.5}), id="stopped"
        ),
        pytest.param({"state": STOPPED, "score": 0.9}, (TrialState.PRUNED, None, {0: 0.9}), id="stopped-without-rungs"),
        pytest.param({"state": STOPPED, "rungs": [(1, 0.5), (3, -INF)]}, POOR, id="diverged"),
        pytest.param({"state": COMPLETE, "score": 0.9}, (TrialState.COMPLETE, (0.9,), {}), id="complete"),
        pytest.param(
            {"state": COMPLETE, "score": 0.9, "rungs": [(1, 0.5)]},
            (TrialState.COMPLETE, (0.9,), {}),
            id="complete-rungs",
        ),
        pytest.param({"state": COMPLETE, "score": -INF}, POOR, id="complete-not-finite"),
        pytest.param({"state": COMPLETE}, POOR, id="complete-without-score"),
        pytest.param({"state": FAILED, "score": 0.9, "rungs": [(1, 0.5)]}, POOR, id="failed"),
    ],
)
def test_each_state_has_its_optuna_trial(trial, expected):
    """A trial without a comparable score counts as a bad one, never as a good one."""
    assert optuna_values(evaluation(0, {}, **trial)) == expected


def test_trials_can_be_added_and_updated_in_any_order():
    """The study has the last state of each by index, and the pending trials of the last request only."""
    space = Space.of(parameters(LR))
    mirror = OptunaStudy(space, {one.name: distribution(one.domain) for one in space.dimensions})
    numbers = random.Random(0).sample(range(20), 20)
    for count in range(1, 21):
        known = {n: evaluation(n, {"lr": 0.01}, state=RUNNING) for n in numbers[:count]}
        mirror.synchronize(known, {90: {"lr": 0.02}, 91: {"lr": 0.02}})
    assert mirror.finished() == 0
    mirror.synchronize({n: evaluation(n, {"lr": 0.01}, float(n)) for n in numbers}, {99: {"lr": 0.02}})
    trials = mirror.study.get_trials(deepcopy=False)
    assert [trial.number for trial in trials] == [*range(20), 99]
    assert [trial.value for trial in trials] == [*map(float, range(20)), None]
    assert mirror.finished() == 20
