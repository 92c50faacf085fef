"""Suggestions made ready ahead."""

import asyncio
from datetime import UTC, datetime

import pytest

from toprung.api.errors import SearchFailed
from toprung.api.experiment import ExperimentSpec
from toprung.planning.records import ExperimentRecord
from toprung.search.types import Suggestion, Suggestions
from toprung.service.suggestions import ASK_AGAIN_AFTER, Suggester
from unit.service.test_experiments import SPEC

EXPERIMENT = ExperimentRecord("team", "exp", "uid", 1, datetime(2026, 1, 1, tzinfo=UTC), ExperimentSpec(**SPEC))


class Worker:
    """Fails as often as it is told to, then answers."""

    def __init__(self, failures: int) -> None:
        self.failures = failures
        self.asked_at: list[float] = []

    async def suggest(self, _problem, _history, indices):
        self.asked_at.append(asyncio.get_running_loop().time())
        if len(self.asked_at) <= self.failures:
            raise SearchFailed("no idea")
        return Suggestions(tuple(Suggestion(index, {"x": 1}) for index in indices))

    def forget(self, key):
        pass


@pytest.mark.looptime
async def test_a_sampler_that_fails_is_asked_slowly():
    """However often a pass wants suggestions, a failing sampler is left alone between two tries, and its error shows."""
    worker = Worker(failures=3)
    suggester = Suggester(worker, lambda _: suggester.want(EXPERIMENT, (), (0, 1)))
    suggester.want(EXPERIMENT, (), (0, 1))
    await asyncio.sleep(0.1)
    assert suggester.ready(EXPERIMENT).error == "no idea"
    await asyncio.sleep(4 * ASK_AGAIN_AFTER)
    assert worker.asked_at == [n * ASK_AGAIN_AFTER for n in range(4)]
    assert sorted(suggester.ready(EXPERIMENT).suggestions) == [0, 1]
    assert suggester.ready(EXPERIMENT).error is None
