"""What is told of a warm start."""

import pytest

from support.experiments import EXPERIMENT, WARM
from toprung.controller.suggestion_cache import PendingSuggestions
from toprung.controller.warmth import warm_start
from toprung.search.types import Evaluation, EvaluationState

PRIOR = tuple(Evaluation(-1 - n, {"x": n}, EvaluationState.COMPLETE, 0.5) for n in range(24))


@pytest.mark.parametrize(
    ("ready", "warning", "says"),
    [
        pytest.param(
            PendingSuggestions(prior=PRIOR, learnt=24), False, "24 of 24 trials of a, b lie in this space", id="all"
        ),
        pytest.param(
            PendingSuggestions(prior=PRIOR, learnt=1), False, "1 of 24 trials of a, b lie in this space", id="some"
        ),
        pytest.param(
            PendingSuggestions(prior=PRIOR, learnt=0),
            True,
            "0 of 24 trials of a, b lie in this space; make it anew with parameters of the same names and types, "
            "and ranges that have their values",
            id="none-of-them",
        ),
        pytest.param(
            PendingSuggestions(prior=(), learnt=0),
            True,
            "no trial of a, b had ended when this Experiment was made; make it anew when some have",
            id="none-had-ended",
        ),
    ],
)
def test_what_is_learnt_from_is_told(ready, warning, says):
    """Loudly where it is nothing."""
    told = warm_start(WARM, ready)
    assert (told.trial, told.warning, told.reason, told.message) == (
        None,
        warning,
        "WarmStart",
        f"spec.warmStart: {says}",
    )


@pytest.mark.parametrize(
    ("experiment", "ready"),
    [
        pytest.param(WARM, PendingSuggestions(), id="not-asked-yet"),
        pytest.param(WARM, PendingSuggestions(prior=PRIOR), id="asked-by-an-operator-that-was-started-later"),
        pytest.param(EXPERIMENT, PendingSuggestions(prior=(), learnt=0), id="cold"),
    ],
)
def test_there_may_be_nothing_to_tell(experiment, ready):
    """Most Experiments start cold."""
    assert warm_start(experiment, ready) is None
