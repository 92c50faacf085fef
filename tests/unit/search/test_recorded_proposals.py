"""The suggestions of each sampler are the recorded ones."""

import pytest

from support.proposals import RECORDED, SLOW, digest


@pytest.mark.parametrize(("sampler", "space", "objectives", "trials"), sorted(RECORDED.keys() - SLOW))
def test_suggestions_match_the_record(sampler, space, objectives, trials):
    """They are random draws and the first suggestions of the model."""
    assert digest(sampler, space, objectives, trials) == RECORDED[sampler, space, objectives, trials]


@pytest.mark.slow
@pytest.mark.parametrize(("sampler", "space", "objectives", "trials"), sorted(SLOW))
def test_suggestions_of_long_histories_match_the_record(sampler, space, objectives, trials):
    """They include a warm start, more trials than one generation or the good trials of tpe, and gp."""
    assert digest(sampler, space, objectives, trials) == RECORDED[sampler, space, objectives, trials]
