"""The Event of a warm start."""

import pytest

from support.experiments import EXPERIMENT, WARM
from toprung.controller.event_recorder import warm_start_event
from toprung.controller.suggestion_cache import PendingSuggestions
from toprung.search.types import Evaluation, EvaluationState

PRIOR = tuple(Evaluation(-1 - n, {"x": n}, EvaluationState.COMPLETE, 0.5) for n in range(24))


@pytest.mark.parametrize(
    ("pending", "warning", "message"),
    [
        pytest.param(
            PendingSuggestions(prior=PRIOR, prior_in_space=24),
            False,
            "24 of 24 trials of a, b lie in this space",
            id="all",
        ),
        pytest.param(
            PendingSuggestions(prior=PRIOR, prior_in_space=1),
            False,
            "1 of 24 trials of a, b lie in this space",
            id="some",
        ),
        pytest.param(
            PendingSuggestions(prior=PRIOR, prior_in_space=0),
            True,
            "0 of 24 trials of a, b lie in this space. Recreate the Experiment with parameters of the same names "
            "and types, and with ranges that contain their values.",
            id="none-of-them",
        ),
        pytest.param(
            PendingSuggestions(prior=(), prior_in_space=0),
            True,
            "no trial of a, b had ended when this Experiment was created. Recreate it when some have.",
            id="none-had-ended",
        ),
    ],
)
def test_a_warm_start_event_counts_the_trials_that_the_sampler_learns_from(pending, warning, message):
    """The Event is a Warning if there are none."""
    event = warm_start_event(WARM, pending)
    assert (event.trial, event.warning, event.reason, event.message) == (
        None,
        warning,
        "WarmStart",
        f"spec.warmStart: {message}",
    )


@pytest.mark.parametrize(
    ("experiment", "pending"),
    [
        pytest.param(WARM, PendingSuggestions(), id="not-requested-yet"),
        pytest.param(WARM, PendingSuggestions(prior=PRIOR), id="after-a-restart"),
        pytest.param(EXPERIMENT, PendingSuggestions(prior=(), prior_in_space=0), id="no-warm-start"),
    ],
)
def test_no_event_without_a_known_warm_start(experiment, pending):
    """The Event is emitted once the number of trials is known."""
    assert warm_start_event(experiment, pending) is None
