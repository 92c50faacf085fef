"""The search process returns the answers of a local study, and recovers from all failures."""

import asyncio
import errno
import os
import signal
import subprocess
import sys
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest

import toprung
from scenarios.examples import install_package
from support.search import FINITE, FLAT, evaluation, negative_sum, problem, run
from support.waiting import block_until, wait_until
from toprung.errors import SearchFailed
from toprung.search.memory_limit import MemoryLimit
from toprung.search.process_pool import Limits, SearchPool
from toprung.search.study import Study
from toprung.search.types import EvaluationState, Problem, Suggestions
from toprung.search.worker_process import serve
from toprung.search.worker_protocol import ACKNOWLEDGED, LENGTH, Request, pack, unpack

SOURCE = str(Path(toprung.__file__).parents[1])


@pytest.fixture
async def pool():
    started = SearchPool(Limits(models=1, batch=60.0))
    yield started
    await started.close()


DRAWS, MODELS = 0, 1


def pid_of(pool, process=MODELS):
    return pool._processes[process]._process.pid


def evaluations(problem, trials):
    return {one.index: one for one in run(problem, trials, negative_sum)}


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


def answer(experiment, history, indices):
    study = Study(experiment)
    study.update(history.values())
    return study.suggest(indices)


async def test_a_killed_process_is_replaced(pool):
    """It is killed between two requests or before one. The new process receives the whole history."""
    experiment = problem(FLAT)
    history = evaluations(experiment, 12)
    before = await pool.suggest(experiment, history, [12])
    killed = pid_of(pool)
    os.kill(killed, signal.SIGKILL)
    assert await pool.suggest(experiment, history, [12]) == before
    assert pid_of(pool) != killed


async def test_a_process_that_cannot_be_started_is_an_error_of_the_request(pool, monkeypatch):
    """The cause is a machine without free memory, for example. The next request tries again."""

    async def refuse(*_, **__):
        raise OSError(errno.ENOMEM, os.strerror(errno.ENOMEM))

    with monkeypatch.context() as patched:
        patched.setattr(asyncio, "create_subprocess_exec", refuse)
        with pytest.raises(SearchFailed, match=r"can't be run: .*allocate memory"):
            await pool.suggest(problem(), {}, [0])
    assert (await pool.suggest(problem(), {}, [0])).suggestions


HANGING = """
import os, time
from toprung.search.samplers.random import Uniform

class Hanging(Uniform):
    def suggest(self, request):
        if request.index in (3, 5):
            parent = os.fork()  # a process of its own, which keeps the pipes open
            if parent and request.index == 5:
                os._exit(1)
            time.sleep(1e6)
        return super().suggest(request)

def make(space, settings, seed):
    return Hanging(space)
"""


@pytest.fixture
def hanging(tmp_path, monkeypatch):
    """Install a sampler that hangs at trial 3, and that exits at trial 5 with a child that hangs."""
    install_package(tmp_path, "toprung.samplers", {"hanging": "hanging:make"}, {"hanging": HANGING})
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return replace(problem(FLAT, "plugin", name="hanging"), key="hanging")


@pytest.mark.parametrize("index", [3, 5], ids=["hangs", "leaves-a-child"])
async def test_a_sampler_that_hangs_fails_its_own_experiment_alone(hanging, index):
    """Its process is killed with its children. The other requests wait, and are answered with the whole history."""
    pool = SearchPool(Limits(seconds=8.0, models=1, batch=60.0))
    experiment = problem(FLAT)
    history = evaluations(experiment, 12)
    assert (await pool.suggest(hanging, {}, [0, 1])).suggestions
    await pool.suggest(experiment, history, [12])
    hangs, answered = await asyncio.gather(
        pool.suggest(hanging, {}, [2, index]), pool.suggest(experiment, history, [12]), return_exceptions=True
    )
    assert isinstance(hangs, SearchFailed)
    assert "spec.algorithm.plugin: hanging took longer than 8 s for one trial" in str(hangs)
    assert answered == answer(experiment, history, [12])
    assert (await pool.suggest(hanging, {}, [4])).suggestions
    await pool.close()


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


async def test_a_sampler_that_raises_is_an_error_of_its_experiment(pool):
    """The error has the message. The process continues, and the next request starts with the whole history."""
    bad = problem(FLAT, initial=[{"lr": 5.0}], startupTrials=0)
    with pytest.raises(SearchFailed, match="initialTrials"):
        await pool.suggest(bad, {}, [0])
    process = pid_of(pool, DRAWS)
    with pytest.raises(SearchFailed, match="lr"):
        await pool.suggest(bad, {1: evaluation(1, {"lr": 1.0})}, [0])
    assert (await pool.suggest(bad, {}, [1])).suggestions
    assert pid_of(pool, DRAWS) == process


async def test_a_cancelled_request_does_not_affect_later_ones(pool):
    """Its answer is read and dropped."""
    experiment = problem(FLAT)
    await pool.start()
    impatient = asyncio.ensure_future(pool.suggest(experiment, {}, [0]))
    await asyncio.sleep(0)
    impatient.cancel()
    assert await pool.suggest(experiment, {}, [1]) == answer(experiment, {}, [1])


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


async def test_a_closed_worker_leaves_no_process():
    """No process starts for requests that still wait."""
    pool = SearchPool(Limits(drawing=2))
    await pool.start()
    processes = [process._process for process in pool._processes if not process.models]
    await pool.close()
    assert len(processes) == 2
    assert [process.pid for process in processes if process.returncode is None] == []
    with pytest.raises(SearchFailed, match="closed"):
        await pool.suggest(problem(), {}, [0])


def test_the_operator_imports_no_model():
    """The client's module imports neither optuna nor numpy nor scipy into the operator."""
    code = "import sys, toprung.search.process_pool; print({'optuna', 'numpy', 'scipy'} & set(sys.modules))"
    assert python(code) == "set()\n"


def test_the_process_exits_with_a_killed_operator():
    """Its stdin ends when the operator is killed with SIGKILL."""
    code = """
import asyncio, os, signal
from toprung.search.process_pool import SearchPool
async def main():
    pool = SearchPool()
    await pool.start()
    print(pool._processes[0]._process.pid, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
asyncio.run(main())
"""
    search = int(python(code, killed=True))
    block_until(lambda: gone(search))  # the process closes stderr shortly before the kernel removes it


def gone(pid):
    stat = Path(f"/proc/{pid}/stat")
    return not stat.exists() or stat.read_text().rsplit(")", 1)[1].split()[0] == "Z"


def python(code, *, killed=False):
    done = subprocess.run(
        [sys.executable, "-c", code],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "PYTHONPATH": SOURCE},
    )
    assert done.returncode == (-signal.SIGKILL if killed else 0), done.stderr
    assert not done.stderr
    return done.stdout


async def test_ctrl_c_in_the_terminal_does_not_reach_the_process(pool):
    """It has its own session."""
    await pool.start()
    assert os.getsid(pid_of(pool, DRAWS)) != os.getsid(0)


async def test_a_stopped_process_is_replaced():
    """A process that SIGSTOP has stopped is killed long before the limit, and another one answers."""
    pool = SearchPool(Limits(seconds=1e6))
    experiment = problem(FLAT, "random")
    await pool.start()
    stopped = pid_of(pool, DRAWS)
    os.kill(stopped, signal.SIGSTOP)
    assert await pool.suggest(experiment, {}, [0]) == answer(experiment, {}, [0])
    assert pid_of(pool, DRAWS) != stopped
    await pool.close()


GREEDY = """
from toprung.search.samplers.random import Uniform

class Greedy(Uniform):
    def suggest(self, request):
        if request.index == 1:
            bytearray(2**28)
        return super().suggest(request)

def make(space, settings, seed):
    return Greedy(space)
"""


async def test_a_sampler_that_needs_too_much_memory_fails_its_own_experiment_alone(tmp_path, monkeypatch):
    """Another experiment of the same process is answered afterwards."""
    install_package(tmp_path, "toprung.samplers", {"greedy": "greedy:make"}, {"greedy": GREEDY})
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    pool = SearchPool(Limits(models=1, memory=128))
    greedy = replace(problem(FLAT, "plugin", name="greedy"), key="greedy")
    experiment = problem(FLAT)
    history = evaluations(experiment, 12)
    await pool.suggest(experiment, history, [12])
    assert (await pool.suggest(greedy, {}, [0])).suggestions
    with pytest.raises(SearchFailed, match="greedy needs more than 128 MiB for one trial, with 6 parameters"):
        await pool.suggest(greedy, {}, [1])
    assert await pool.suggest(experiment, history, [12]) == answer(experiment, history, [12])
    await pool.close()


async def test_a_request_that_is_cancelled_frees_its_process(hanging):
    """The process is killed long before the limit."""
    pool = SearchPool(Limits(models=1, seconds=1e6))
    asking = asyncio.ensure_future(pool.suggest(hanging, {}, [3]))
    await wait_until(lambda: pool._running, every=0)
    asking.cancel()
    pool.forget(hanging.key)
    experiment = problem(FLAT)
    history = evaluations(experiment, 12)
    assert await pool.suggest(experiment, history, [12]) == answer(experiment, history, [12])
    assert asking.cancelled()
    await pool.close()


@pytest.mark.parametrize("algorithm", ["random", "grid", "qmc", "tpe", "nsga2"])
async def test_requests_that_only_draw_do_not_wait_for_models(hanging, algorithm):
    """A model hangs. Samplers without a model, and startup trials, are answered."""
    pool = SearchPool(Limits(models=1, seconds=1e6, batch=60.0))
    asking = asyncio.ensure_future(pool.suggest(hanging, {}, [3]))
    experiment = replace(problem(FLAT, algorithm, initial=[{"layers": 2}]), key="drawing")
    history = evaluations(problem(FLAT, "random", initial=[{"layers": 2}]), 9)
    assert await pool.suggest(experiment, history, [9, 10]) == answer(experiment, history, [9, 10])
    await pool.close()
    with pytest.raises(SearchFailed):
        await asking


async def test_one_namespace_leaves_a_process_to_the_others(hanging):
    """Two of its experiments hang. An experiment of another namespace is answered."""
    pool = SearchPool(Limits(models=2, seconds=1e6))
    hangs = [
        asyncio.ensure_future(pool.suggest(replace(hanging, namespace="a", key=key), {}, [3])) for key in ("1", "2")
    ]
    experiment = replace(problem(FLAT), namespace="b")
    history = evaluations(experiment, 12)
    assert await pool.suggest(experiment, history, [12]) == answer(experiment, history, [12])
    await pool.close()
    assert {type(one) for one in await asyncio.gather(*hangs, return_exceptions=True)} == {SearchFailed}


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


async def test_an_idle_process_with_models_ends():
    """The next request starts it again."""
    pool = SearchPool(Limits(models=1, idle=0.0))
    experiment = problem(FLAT)
    history = evaluations(experiment, 12)
    await pool.suggest(experiment, history, [12])
    await wait_until(lambda: not pool._processes[MODELS].alive)
    assert await pool.suggest(experiment, history, [12]) == answer(experiment, history, [12])
    await pool.close()


async def test_an_experiment_that_is_forgotten_during_a_request_leaves_no_state(pool):
    """Its request is cancelled and ends later."""
    experiment = problem(FLAT)
    await pool.start()
    asking = asyncio.ensure_future(pool.suggest(experiment, evaluations(experiment, 4), [4]))
    await wait_until(lambda: pool._running, every=0)
    asking.cancel()
    pool.forget(experiment.key)
    await wait_until(lambda: not pool._running)
    assert not any((pool._scheduler._experiments, pool._scheduler._fast, pool._scheduler._slow))


async def test_a_turn_that_is_cancelled_before_its_request_is_not_measured(pool):
    """It does not have the duration of the previous request."""
    first, second = (replace(problem(FLAT, "random"), key=key) for key in ("first", "second"))
    answered, cancelled = (asyncio.ensure_future(pool.suggest(experiment, {}, [0])) for experiment in (first, second))
    while not any(job.key == "second" for job in pool._running.values()):
        await asyncio.sleep(0)
    cancelled.cancel()
    await asyncio.wait([answered, cancelled])
    await wait_until(lambda: not pool._running)
    assert pool._scheduler._fast == {"first"}


async def test_a_batch_does_not_wait_for_the_request_of_another_experiment(hanging):
    """The suggestions that exist are returned, although the process hangs in the other request for longer."""
    pool = SearchPool(Limits(models=1, seconds=1e6, batch=3.0))
    experiment = replace(problem(FLAT), namespace="a")
    history = evaluations(experiment, 12)
    await pool.suggest(experiment, history, [12])
    batch = asyncio.ensure_future(pool.suggest(experiment, history, [12, 13]))
    hangs = asyncio.ensure_future(pool.suggest(replace(hanging, namespace="b"), {}, [3]))
    await asyncio.wait([batch, hangs], return_when=asyncio.FIRST_COMPLETED, timeout=30.0)
    await pool.close()
    assert await batch == answer(experiment, history, [12])
    assert (await asyncio.gather(hangs, return_exceptions=True))[0].args == ("the search pool is closed",)


async def test_a_long_history_is_sent_to_a_free_process_while_its_own_one_is_busy(hanging, monkeypatch):
    """Another experiment hangs between two parts."""
    monkeypatch.setattr("toprung.search.search_process._CHUNK", 500)
    pool = SearchPool(Limits(models=2, seconds=1e6))
    await asyncio.gather(*(process.start() for process in pool._processes))
    experiment = problem(FLAT)
    history = evaluations(experiment, 14)
    gone, asking, hangs = (
        asyncio.ensure_future(pool.suggest(replace(one, namespace=name, key=name), known, [index]))
        for one, name, known, index in ((hanging, "a", {}, 3), (experiment, "b", history, 14), (hanging, "c", {}, 3))
    )
    await wait_until(lambda: "c" in [job.key for job in pool._running.values()], every=0)
    gone.cancel()
    await asyncio.wait([asking, hangs], return_when=asyncio.FIRST_COMPLETED, timeout=30.0)
    await pool.close()
    assert await asking == answer(experiment, history, [14])
    assert (await asyncio.gather(hangs, return_exceptions=True))[0].args == ("the search pool is closed",)
