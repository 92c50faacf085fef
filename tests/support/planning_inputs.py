"""Early-stopping rules, and generated programs of trials, for tests of plans."""

import math
from collections.abc import Sequence
from datetime import timedelta

import pytest
from hypothesis import strategies as st

from support.specs import ASHA, PBT, PROMOTION
from support.world import Program

RULES = [
    pytest.param(None, id="none"),
    pytest.param(ASHA, id="asha"),
    pytest.param(PROMOTION, id="asha-promotion"),
    pytest.param({"hyperband": {"maxResource": 9}}, id="hyperband"),
    pytest.param({"successiveHalving": {"maxResource": 3, "trials": 3}}, id="halving"),
    pytest.param({"median": {"maxResource": 9, "minTrials": 1}}, id="median"),
    pytest.param({"patience": {"steps": 2}}, id="patience"),
    pytest.param(PBT, id="pbt"),
]
VALUES = st.floats(0, 1) | st.sampled_from([math.nan, math.inf, -math.inf])


def programs(
    exit_codes: Sequence[int | None], graces: Sequence[timedelta] = (Program.grace,)
) -> st.SearchStrategy[Program]:
    """Return a strategy for programs with these exit codes and grace periods."""
    return st.builds(
        Program,
        values=st.lists(VALUES, max_size=9).map(tuple),
        exit_code=st.sampled_from(exit_codes),
        disrupted=st.booleans() | st.just(False),
        grace=st.sampled_from(graces),
    )
