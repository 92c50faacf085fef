"""Suggestions that are prepared in advance."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import pytest

from support.experiments import EXPERIMENT, SPEC, WARM
from toprung.api.v1alpha1.experiment import ExperimentSpec
from toprung.api.v1alpha1.trial import TrialState
from toprung.controller.suggestion_cache import BACKOFF, BATCH, SuggestionCache, problem_of
from toprung.errors import SearchFailed
from toprung.metrics.types import Observation, Progress
from toprung.objects.trial import TrialRecord
from toprung.search.types import EvaluationState, Suggestion, Suggestions


class Worker:
    """A search pool that fails a number of times, and then answers."""

    def __init__(self, failures: int, error: Exception | None = None) -> None:
        self.failures = failures
        self.error = error or SearchFailed("no idea")
        self.asked_at: list[float] = []

    async def suggest(self, problem, _history, indices):
        self.asked_at.append(asyncio.get_running_loop().time())
        if len(self.asked_at) <= self.failures:
            raise self.error
        return Suggestions(tuple(Suggestion(index, {"x": 1}) for index in indices), prior_in_space=len(problem.prior))

    def forget(self, key):
        pass


def clock():
    """Return the virtual time of the loop as a date."""
    return EXPERIMENT.created + timedelta(seconds=asyncio.get_running_loop().time())


def seconds_later(seconds):
    return (EXPERIMENT.created + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


def suggester_of(worker, on_answer=lambda _: None):
    """Return a suggestion cache with the shortest waits of the back-off."""
    return SuggestionCache(worker, on_answer, {}.get, lambda _: (), clock, jitter=lambda: 0.0)


def wanting(worker):
    """Return a suggestion cache that receives a request for two suggestions at each answer and at each retry."""

    def want(_key):
        if (again := suggester.request(EXPERIMENT, (), (0, 1))) is not None:
            asyncio.get_running_loop().call_later((again - clock()).total_seconds(), want, _key)

    suggester = suggester_of(worker, want)
    want(EXPERIMENT.key)
    return suggester


@pytest.mark.looptime
@pytest.mark.parametrize(
    ("error", "shown"),
    [
        pytest.param(SearchFailed("no idea"), "no idea", id="search-failed"),
        pytest.param(
            KeyError("uid"), "internal error; the operator's log has details: KeyError: 'uid'", id="unexpected"
        ),
    ],
)
async def test_a_failing_sampler_backs_off(error, shown):
    """A hanging sampler delays others each time. The reason and the time of the next request are recorded."""
    worker = Worker(failures=3, error=error)
    suggester = wanting(worker)
    errors = []
    for asked_at in (0, 5, 15):
        await asyncio.sleep(asked_at + 0.1 - asyncio.get_running_loop().time())
        errors.append(suggester.pending(EXPERIMENT).error)
    assert errors == [f"{shown} (next try at {seconds_later(retry)})" for retry in (5, 15, 35)]
    await asyncio.sleep(30)
    assert worker.asked_at == [0, 5, 15, 35]
    assert sorted(suggester.pending(EXPERIMENT).suggestions) == [0, 1]
    assert suggester.pending(EXPERIMENT).error is None


@pytest.mark.looptime
async def test_a_sampler_that_always_fails_is_retried_every_few_minutes():
    """A new image of the operator may correct it, for example."""
    worker = Worker(failures=1000)
    wanting(worker)
    await asyncio.sleep(3600)
    waits = [later - sooner for sooner, later in pairwise(worker.asked_at)]
    assert waits[:7] == [5, 10, 20, 40, 80, 150, 150]
    assert set(waits[7:]) == {BACKOFF.longest / 2}


@pytest.mark.looptime
async def test_an_answer_resets_the_back_off():
    """Earlier failures do not increase the next wait."""
    worker = Worker(failures=2)
    suggester = wanting(worker)
    await asyncio.sleep(20)
    worker.failures = 4
    suggester.request(EXPERIMENT, (), (0, 1, 2))
    await asyncio.sleep(0.1)
    assert suggester.pending(EXPERIMENT).error.endswith(seconds_later(25) + ")")


@pytest.mark.looptime
async def test_an_edit_ends_the_back_off_of_the_sampler():
    """The user may have corrected the failure."""
    worker = Worker(failures=1)
    suggester = suggester_of(worker)
    suggester.request(EXPERIMENT, (), (0,))
    await asyncio.sleep(0.1)
    assert suggester.request(EXPERIMENT, (), (0,)) == EXPERIMENT.created + timedelta(seconds=5)
    assert suggester.request(replace(EXPERIMENT, generation=2), (), (0,)) is None
    await asyncio.sleep(0.1)
    assert sorted(suggester.pending(EXPERIMENT).suggestions) == [0]


async def test_many_suggestions_are_requested_in_parts():
    """The rest is requested once the first part is complete."""
    suggester = suggester_of(Worker(failures=0))
    wanted = tuple(range(3 * BATCH))
    received = []
    for _ in range(2):
        suggester.request(EXPERIMENT, (), wanted)
        await suggester.pending(EXPERIMENT).request
        received.append(sorted(suggester.pending(EXPERIMENT).suggestions))
    assert received == [list(range(BATCH)), list(range(2 * BATCH))]


async def test_a_long_history_is_converted_in_parts(monkeypatch):
    """The sampler receives the same history, with the suggestions that were pending at the request."""
    monkeypatch.setattr("toprung.controller.suggestion_cache._TRIALS_AT_ONCE", 2)
    worker = Worker(failures=0)
    received = []

    async def suggest(problem, history, indices):
        received.append(history)
        return await Worker.suggest(worker, problem, history, indices)

    worker.suggest = suggest
    suggester = suggester_of(worker)
    trials = tuple(trial("exp", index, uid="uid") for index in range(5))
    for wanted in ((5,), (5, 6)):
        suggester.request(EXPERIMENT, trials, wanted)
        await suggester.pending(EXPERIMENT).request
    assert [sorted(history) for history in received] == [[0, 1, 2, 3, 4], [0, 1, 2, 3, 4, 5]]
    assert received[1][5].state is EvaluationState.RUNNING


async def test_closing_cancels_requests():
    """The end of the operator does not wait for a slow sampler."""
    worker = Worker(failures=0)
    worker.suggest = lambda *_: asyncio.Event().wait()
    suggester = suggester_of(worker)
    suggester.request(EXPERIMENT, (), (0,))
    await asyncio.sleep(0)
    asking = suggester.pending(EXPERIMENT).request
    suggester.close()
    await asyncio.wait([asking])
    assert asking.cancelled()


EARLIER = EXPERIMENT.created - timedelta(hours=1)


def other(name, **objective):
    spec = SPEC | {"objective": SPEC["objective"] | objective}
    return replace(EXPERIMENT, name=name, uid=f"uid-{name}", created=EARLIER, spec=ExperimentSpec(**spec))


AIMS = [{"metric": "score", "type": "maximize"}, {"metric": "latency", "type": "minimize"}]


def several(experiment, all_objectives=AIMS):
    """Return the same experiment with several objectives."""
    spec = experiment.spec.model_dump(by_alias=True) | {"objective": None, "objectives": all_objectives}
    return replace(experiment, spec=ExperimentSpec(**spec))


SEVERAL = several(other("a"))


def test_the_sampler_receives_the_number_of_objectives():
    """It is one, or the length of `objectives`."""
    assert [problem_of(one).objectives for one in (EXPERIMENT, SEVERAL)] == [1, 2]


def trial(owner, index, *, state=TrialState.SUCCEEDED, ended=EARLIER, uid=None):
    progress = Progress(best=Observation(3, 0.5, EARLIER))
    return TrialRecord(
        experiment_key=f"team/{owner}",
        controller_uid=uid or f"uid-{owner}",
        name=f"{owner}-{index}",
        uid="",
        index=index,
        parameters={"x": 0.1 * index},
        created=EARLIER,
        state=state,
        completion_time=ended,
        progress=progress,
    )


def warm(experiments, trials=()):
    known = {one.key: one for one in experiments}
    of = {one.key: [each for each in trials if each.experiment_key == one.key] for one in experiments}
    return SuggestionCache(Worker(0), lambda _: None, known.get, of.__getitem__, clock, jitter=lambda: 0.0)


async def test_a_warm_start_has_the_trials_that_had_ended():
    """It has trials that ended before the experiment was created, or were paused in one that had ended."""
    trials = [
        trial("a", 0),
        trial("a", 1, state=TrialState.STOPPED),
        trial("a", 2, state=TrialState.FAILED),
        trial("a", 3, state=TrialState.PAUSED, ended=None),
        trial("a", 4, state=TrialState.RUNNING, ended=None),
        trial("a", 5, ended=EXPERIMENT.created + timedelta(seconds=1)),
        trial("a", 6, uid="of an earlier Experiment of that name"),
        trial("b", 0, state=TrialState.PAUSED, ended=None),
    ]
    prior = await warm([replace(other("a"), completion_time=EARLIER), other("b")], trials).prior_of(WARM)
    received = [(one.index, one.parameters["x"], one.state) for one in prior]
    complete, stopped, failed = EvaluationState.COMPLETE, EvaluationState.STOPPED, EvaluationState.FAILED
    assert received == [(-1, 0.0, complete), (-2, 0.1, stopped), (-3, 0.2, failed), (-4, pytest.approx(0.3), stopped)]


async def test_a_warm_start_of_many_trials_yields_to_the_event_loop(monkeypatch):
    """It yields between its parts. The indices continue."""
    monkeypatch.setattr("toprung.controller.suggestion_cache._TRIALS_AT_ONCE", 2)
    turns = []

    async def others():
        while True:
            turns.append(1)
            await asyncio.sleep(0)

    task = asyncio.ensure_future(others())
    many = [trial(name, index) for name in "ab" for index in range(6)]
    prior = await warm([other("a"), other("b")], many).prior_of(WARM)
    task.cancel()
    assert [one.index for one in prior] == [-1 - number for number in range(12)]
    assert len(turns) >= 6


@pytest.mark.parametrize(
    ("experiments", "fragment"),
    [
        pytest.param([other("a")], "no valid Experiment b exists in namespace team", id="missing"),
        pytest.param(
            [other("a"), other("b", type="maximize" if SPEC["objective"]["type"] == "minimize" else "minimize")],
            "Name Experiments with the same objective",
            id="another-direction",
        ),
        pytest.param(
            [SEVERAL, other("b")],
            "of a is to maximize score and minimize latency, that of this",
            id="several-objectives",
        ),
        pytest.param([other("a", metric="f1"), other("b")], "of a is to .* f1, that of this", id="another-metric"),
    ],
)
async def test_an_impossible_warm_start_is_an_error(experiments, fragment):
    """The message has the experiment and the correction."""
    with pytest.raises(SearchFailed, match=fragment):
        await warm(experiments).prior_of(WARM)


async def test_a_warm_start_of_several_objectives_has_all_scores():
    """They are in the order of the objectives. Larger is better."""
    seen = Observation(3, 0.5, EARLIER, {"latency": 7.0})
    ended = replace(trial("a", 1), progress=Progress(latest=seen, best=seen, latest_complete=seen))
    (evaluation,) = await warm([several(other("a")), several(other("b"))], [ended]).prior_of(several(WARM))
    assert evaluation.scores == (0.5, -7.0)


async def test_a_warm_start_needs_the_objectives_in_the_same_order():
    """Early stopping used the first one."""
    sources = [several(other("a")), several(other("b"), AIMS[::-1])]
    with pytest.raises(SearchFailed, match=r"b is to minimize latency .* Name Experiments with the same objectives in"):
        await warm(sources).prior_of(several(WARM))


@pytest.mark.parametrize(
    ("begun", "learnt"),
    [pytest.param([], 2, id="new"), pytest.param([trial("exp", 0, uid="uid")], None, id="with-trials")],
)
async def test_the_experiments_of_a_warm_start_are_checked_at_the_first_request(begun, learnt):
    """After a restart of the operator they may no longer exist."""
    suggester = warm([other("a"), other("b")], [trial("a", 1), trial("b", 1)])
    for index in (1, 2):
        suggester.request(WARM, begun, (index,))
        await suggester.pending(WARM).request
    assert sorted(suggester.pending(WARM).suggestions) == [1, 2]
    assert suggester.pending(WARM).prior_in_space == learnt


@pytest.mark.looptime
async def test_a_running_experiment_continues_without_the_experiments_of_its_warm_start():
    """It does so at the second attempt, because a restarted operator may not have seen them yet."""
    suggester = warm([other("a")], [trial("a", 1)])
    begun = (trial("exp", 0, uid="uid"),)
    suggester.request(WARM, begun, (1,))
    await asyncio.sleep(0.1)
    assert suggester.pending(WARM).error.endswith("remove spec.warmStart.")
    await asyncio.sleep(5)
    suggester.request(WARM, begun, (1,))
    await asyncio.sleep(0.1)
    assert [one.parameters["x"] for one in suggester.pending(WARM).prior] == [0.1]
    assert sorted(suggester.pending(WARM).suggestions) == [1]
