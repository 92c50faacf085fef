"""Proposals are the recorded ones, sampler by sampler."""

import pytest

from support.proposals import RECORDED, SLOW, digest


@pytest.mark.parametrize(("sampler", "space", "objectives", "trials"), sorted(RECORDED.keys() - SLOW))
def test_proposals_are_those_that_were_recorded(sampler, space, objectives, trials):
    """Random draws first, then the first proposals of the model."""
    assert digest(sampler, space, objectives, trials) == RECORDED[sampler, space, objectives, trials]


@pytest.mark.slow
@pytest.mark.parametrize(("sampler", "space", "objectives", "trials"), sorted(SLOW))
def test_slow_proposals_are_those_that_were_recorded(sampler, space, objectives, trials):
    """With a warm start, and more trials than a generation or the good ones of tpe have; and those of gp."""
    assert digest(sampler, space, objectives, trials) == RECORDED[sampler, space, objectives, trials]
