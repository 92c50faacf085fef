"""The search process receives the history of each experiment, and returns the answers of a local study."""

import asyncio
from dataclasses import replace
from io import BytesIO

from support.search import FINITE, FLAT, evaluation, problem
from support.search_pool import DRAWS, MODELS, answer, evaluations
from toprung.search.memory_limit import MemoryLimit
from toprung.search.study import Study
from toprung.search.types import EvaluationState, Problem, Suggestions
from toprung.search.worker_process import serve
from toprung.search.worker_protocol import ACKNOWLEDGED, LENGTH, Request, pack, unpack


async def test_answers_are_those_of_a_study(pool):
    """Histories grow, change and shrink."""
    experiment = problem(FLAT)
    history = evaluations(experiment, 14)
    assert await pool.suggest(experiment, history, [14, 15]) == answer(experiment, history, [14, 15])
    history[13] = evaluation(13, history[13].parameters, state=EvaluationState.FAILED)
    history[14] = evaluation(14, history[12].parameters, 0.5)
    assert await pool.suggest(experiment, history, [15]) == answer(experiment, history, [15])
    del history[3]
    assert await pool.suggest(experiment, history, [15]) == answer(experiment, history, [15])


def test_a_history_is_sent_before_a_suggestion_is_requested():
    """Requests without an index are acknowledged. Pending suggestions of a batch count as running."""
    experiment = problem(FLAT, "tpe", startupTrials=1)
    first, second = evaluations(experiment, 2).values()
    batch = Study(experiment)
    batch.update([first])
    expected = batch.suggest([2, 3]).suggestions
    requests = (
        Request(experiment.key, experiment, (first,)),
        Request(experiment.key, None, (), 2),
        Request(experiment.key, None, (), 3, expected[:1]),
    )
    replies = BytesIO()
    serve(BytesIO(b"".join(map(pack, requests))), replies, MemoryLimit(0))
    answers = [ACKNOWLEDGED, Suggestions(expected[:1]), Suggestions(expected[1:])]
    assert [reply for reply, _ in frames(replies.getvalue())] == answers
    assert second not in batch.suggest([2]).suggestions


def frames(sent):
    """Decode the messages that a process sent."""
    while sent:
        end = LENGTH.size + LENGTH.unpack(sent[: LENGTH.size])[0]
        yield unpack(sent[LENGTH.size : end])
        sent = sent[end:]


async def test_only_changes_are_sent(pool):
    """The second request has the changes, and no problem."""
    experiment = problem(FLAT)
    history = evaluations(experiment, 12)
    await pool.suggest(experiment, history, [12])
    changed = {**history, 11: evaluation(11, history[11].parameters, 0.25)}
    session = await pool._processes[MODELS].begin(replace(experiment, prior=()), changed)
    assert (session.problem, session.chunk, session.following) == (None, (changed[11],), None)


async def test_experiments_in_one_process_have_their_own_histories(pool):
    """The keys have equal problems and concurrent requests. A key with a changed problem starts again."""
    one, other = problem(FINITE, "grid"), Problem("other", FINITE, (), problem(FINITE, "grid").algorithm, 8)
    histories = evaluations(one, 3), evaluations(other, 7)
    answers = await asyncio.gather(
        *(pool.suggest(experiment, history, [9]) for experiment, history in zip((one, other), histories, strict=True))
    )
    assert answers == [answer(one, histories[0], [9]), answer(other, histories[1], [9])]
    changed = problem(FINITE, "random")
    assert await pool.suggest(changed, histories[0], [9]) == answer(changed, histories[0], [9])


async def test_the_oldest_study_is_dropped(pool, monkeypatch):
    """The number of studies is limited. A dropped one is sent again."""
    monkeypatch.setattr("toprung.search.search_process._STUDIES", 2)
    problems = [Problem(f"uid-{n}", FLAT, (), problem().algorithm, n) for n in range(3)]
    for experiment in problems:
        await pool.suggest(experiment, {}, [0])
    assert list(pool._processes[DRAWS]._sent) == ["uid-1", "uid-2"]
    assert await pool.suggest(problems[0], {}, [0]) == answer(problems[0], {}, [0])


async def test_a_forgotten_experiment_can_return(pool):
    """No state of an ended experiment remains."""
    experiment = problem(FLAT)
    history = evaluations(experiment, 4)
    await pool.suggest(experiment, history, [4])
    pool.forget(experiment.key)
    assert experiment.key not in pool._processes[DRAWS]._sent
    assert await pool.suggest(experiment, history, [4]) == answer(experiment, history, [4])


async def test_a_long_history_is_sent_in_parts(pool, monkeypatch):
    """Other requests are served between two parts, and the answer is the same."""
    monkeypatch.setattr("toprung.search.search_process._CHUNK", 500)
    experiment, other = problem(FLAT), replace(problem(FLAT), key="other")
    history = evaluations(experiment, 14)
    answers = await asyncio.gather(*(pool.suggest(each, history, [14]) for each in (experiment, other)))
    assert answers == [answer(experiment, history, [14])] * 2


async def test_a_warm_start_is_sent_like_the_rest_of_the_history(pool):
    """Its count is that of a study."""
    prior = tuple(evaluation(-1 - index, one.parameters, 0.5) for index, one in evaluations(problem(FLAT), 12).items())
    experiment = replace(problem(FLAT), prior=prior)
    assert await pool.suggest(experiment, {}, [0]) == answer(experiment, {}, [0])
