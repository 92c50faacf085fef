"""The search process: answers as a study in this process does, whatever happens to it."""

import asyncio
import errno
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest

import toprung
from scenarios.examples import install_package
from support.search import FINITE, FLAT, evaluation, first_number, problem, run
from toprung.errors import SearchFailed
from toprung.search.memory_limit import MemoryLimit
from toprung.search.study import Study
from toprung.search.types import EvaluationState, Problem, Suggestions
from toprung.search.worker_client import Limits, SearchWorker
from toprung.search.worker_process import serve
from toprung.search.worker_protocol import ACKNOWLEDGED, LENGTH, Request, pack, unpack

SOURCE = str(Path(toprung.__file__).parents[1])


@pytest.fixture
async def worker():
    started = SearchWorker(Limits(models=1, batch=60.0))
    yield started
    await started.close()


DRAWS, MODELS = 0, 1


def pid_of(worker, channel=MODELS):
    return worker._channels[channel]._process.pid


def told(problem, trials):
    return {one.index: one for one in run(problem, trials, first_number)}


async def test_answers_are_those_of_a_study(worker):
    """Through news, changes, and trials that are taken back."""
    asked = problem(FLAT)
    history = told(asked, 14)
    assert await worker.suggest(asked, history, [14, 15]) == answer(asked, history, [14, 15])
    history[13] = evaluation(13, history[13].parameters, state=EvaluationState.FAILED)
    history[14] = evaluation(14, history[12].parameters, 0.5)
    assert await worker.suggest(asked, history, [15]) == answer(asked, history, [15])
    del history[3]
    assert await worker.suggest(asked, history, [15]) == answer(asked, history, [15])


def answer(asked, history, indices):
    study = Study(asked)
    study.update(history.values())
    return study.suggest(indices)


async def test_a_killed_process_is_not_noticed(worker):
    """Killed between two asks, or before one, it is started again and told everything again."""
    asked = problem(FLAT)
    history = told(asked, 12)
    before = await worker.suggest(asked, history, [12])
    killed = pid_of(worker)
    os.kill(killed, signal.SIGKILL)
    assert await worker.suggest(asked, history, [12]) == before
    assert pid_of(worker) != killed


async def test_a_process_that_cannot_be_started_is_an_error_of_the_ask(worker, monkeypatch):
    """A machine without free memory causes an error; the next request tries again."""

    async def refuse(*_, **__):
        raise OSError(errno.ENOMEM, os.strerror(errno.ENOMEM))

    with monkeypatch.context() as patched:
        patched.setattr(asyncio, "create_subprocess_exec", refuse)
        with pytest.raises(SearchFailed, match=r"can't be run: .*allocate memory"):
            await worker.suggest(problem(), {}, [0])
    assert (await worker.suggest(problem(), {}, [0])).suggestions


HANGING = """
import os, time
from toprung.search.samplers.random import Uniform

class Hanging(Uniform):
    def suggest(self, request):
        if request.index in (3, 5):
            parent = os.fork()  # a worker of its own, which keeps the pipes open
            if parent and request.index == 5:
                os._exit(1)
            time.sleep(1e6)
        return super().suggest(request)

def make(space, settings, seed):
    return Hanging(space)
"""


@pytest.fixture
def hanging(tmp_path, monkeypatch):
    """Install a sampler that hangs at trial 3, and at trial 5 dies and leaves a child that does."""
    install_package(tmp_path, "toprung.samplers", {"hanging": "hanging:make"}, {"hanging": HANGING})
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return replace(problem(FLAT, "plugin", name="hanging"), key="hanging")


@pytest.mark.parametrize("index", [3, 5], ids=["hangs", "leaves-a-child"])
async def test_a_sampler_that_hangs_fails_its_own_experiment_alone(hanging, index):
    """Its process is killed with what it started; others wait, and are answered from all that was told before."""
    worker = SearchWorker(Limits(seconds=8.0, models=1, batch=60.0))
    asked = problem(FLAT)
    history = told(asked, 12)
    assert (await worker.suggest(hanging, {}, [0, 1])).suggestions
    await worker.suggest(asked, history, [12])
    hangs, answered = await asyncio.gather(
        worker.suggest(hanging, {}, [2, index]), worker.suggest(asked, history, [12]), return_exceptions=True
    )
    assert isinstance(hangs, SearchFailed)
    assert "spec.algorithm.plugin: hanging took longer than 8 s for one trial" in str(hangs)
    assert answered == answer(asked, history, [12])
    assert (await worker.suggest(hanging, {}, [4])).suggestions
    await worker.close()


def test_a_history_is_added_before_a_configuration_is_wanted():
    """Requests without an index are acknowledged, and the pending suggestions of a batch count as running."""
    asked = problem(FLAT, "tpe", startupTrials=1)
    first, second = told(asked, 2).values()
    batch = Study(asked)
    batch.update([first])
    expected = batch.suggest([2, 3]).suggestions
    requests = (
        Request(asked.key, asked, (first,)),
        Request(asked.key, None, (), 2),
        Request(asked.key, None, (), 3, expected[:1]),
    )
    replies = BytesIO()
    serve(BytesIO(b"".join(map(pack, requests))), replies, MemoryLimit(0))
    answers = [ACKNOWLEDGED, Suggestions(expected[:1]), Suggestions(expected[1:])]
    assert [reply for reply, _ in frames(replies.getvalue())] == answers
    assert second not in batch.suggest([2]).suggestions


def frames(sent):
    """What a process has sent."""
    while sent:
        end = LENGTH.size + LENGTH.unpack(sent[: LENGTH.size])[0]
        yield unpack(sent[LENGTH.size : end])
        sent = sent[end:]


async def test_only_news_is_sent(worker):
    """The second request carries what changed, and no problem."""
    asked = problem(FLAT)
    history = told(asked, 12)
    await worker.suggest(asked, history, [12])
    changed = {**history, 11: evaluation(11, history[11].parameters, 0.25)}
    session = await worker._channels[MODELS].begin(replace(asked, prior=()), changed)
    assert (session.problem, session.chunk, session.following) == (None, (changed[11],), None)


async def test_experiments_share_a_process_and_nothing_else(worker):
    """Equal problems of two keys, asked at once, have histories of their own; so has a key whose problem changed."""
    one, other = problem(FINITE, "grid"), Problem("other", FINITE, (), problem(FINITE, "grid").algorithm, 8)
    histories = told(one, 3), told(other, 7)
    answers = await asyncio.gather(
        *(worker.suggest(asked, history, [9]) for asked, history in zip((one, other), histories, strict=True))
    )
    assert answers == [answer(one, histories[0], [9]), answer(other, histories[1], [9])]
    changed = problem(FINITE, "random")
    assert await worker.suggest(changed, histories[0], [9]) == answer(changed, histories[0], [9])


async def test_a_sampler_that_raises_is_an_error_of_its_experiment(worker):
    """The message comes through, the process lives on, and the next request starts from scratch."""
    bad = problem(FLAT, initial=[{"lr": 5.0}], startupTrials=0)
    with pytest.raises(SearchFailed, match="initialTrials"):
        await worker.suggest(bad, {}, [0])
    process = pid_of(worker, DRAWS)
    with pytest.raises(SearchFailed, match="lr"):
        await worker.suggest(bad, {1: evaluation(1, {"lr": 1.0})}, [0])
    assert (await worker.suggest(bad, {}, [1])).suggestions
    assert pid_of(worker, DRAWS) == process


async def test_a_cancelled_ask_spoils_nothing(worker):
    """The answer that nobody waits for is read all the same."""
    asked = problem(FLAT)
    await worker.start()
    impatient = asyncio.ensure_future(worker.suggest(asked, {}, [0]))
    await asyncio.sleep(0)
    impatient.cancel()
    assert await worker.suggest(asked, {}, [1]) == answer(asked, {}, [1])


async def test_the_oldest_study_makes_room(worker, monkeypatch):
    """A process holds so many studies, and one that was dropped is told again."""
    monkeypatch.setattr("toprung.search.channel._STUDIES", 2)
    problems = [Problem(f"uid-{n}", FLAT, (), problem().algorithm, n) for n in range(3)]
    for asked in problems:
        await worker.suggest(asked, {}, [0])
    assert list(worker._channels[DRAWS]._sent) == ["uid-1", "uid-2"]
    assert await worker.suggest(problems[0], {}, [0]) == answer(problems[0], {}, [0])


async def test_what_is_forgotten_is_observed_again(worker):
    """An experiment that has ended leaves nothing behind, and may come back."""
    asked = problem(FLAT)
    history = told(asked, 4)
    await worker.suggest(asked, history, [4])
    worker.forget(asked.key)
    assert asked.key not in worker._channels[DRAWS]._sent
    assert await worker.suggest(asked, history, [4]) == answer(asked, history, [4])


async def test_a_closed_worker_leaves_no_process():
    """No process starts for requests that are still waiting."""
    worker = SearchWorker(Limits(drawing=2))
    await worker.start()
    processes = [channel._process for channel in worker._channels if not channel.models]
    await worker.close()
    assert all(process.returncode is not None for process in processes)
    with pytest.raises(SearchFailed, match="closed"):
        await worker.suggest(problem(), {}, [0])


def test_the_operator_imports_no_model():
    """The worker's module brings neither optuna nor numpy nor scipy into the operator's memory."""
    code = "import sys, toprung.search.worker_client; print({'optuna', 'numpy', 'scipy'} & set(sys.modules))"
    assert python(code) == "set()\n"


def test_the_process_dies_with_its_operator():
    """Killed with SIGKILL, the operator takes the search process with it, for its stdin ends."""
    code = """
import asyncio, os, signal
from toprung.search.worker_client import SearchWorker
async def main():
    worker = SearchWorker()
    await worker.start()
    print(worker._channels[0]._process.pid, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
asyncio.run(main())
"""
    search = int(python(code, killed=True))
    while not gone(search):  # its stderr was the last thing to close, but the kernel may not be done with it
        time.sleep(0.01)


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


async def test_ctrl_c_at_the_terminal_does_not_reach_it(worker):
    """It has a session of its own."""
    await worker.start()
    assert os.getsid(pid_of(worker, DRAWS)) != os.getsid(0)


async def test_a_stopped_process_is_replaced():
    """A process that a signal has stopped is killed long before the limit, and another one answers."""
    worker = SearchWorker(Limits(seconds=1e6))
    asked = problem(FLAT, "random")
    await worker.start()
    stopped = pid_of(worker, DRAWS)
    os.kill(stopped, signal.SIGSTOP)
    assert await worker.suggest(asked, {}, [0]) == answer(asked, {}, [0])
    assert pid_of(worker, DRAWS) != stopped
    await worker.close()


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
    worker = SearchWorker(Limits(models=1, memory=128))
    greedy = replace(problem(FLAT, "plugin", name="greedy"), key="greedy")
    asked = problem(FLAT)
    history = told(asked, 12)
    await worker.suggest(asked, history, [12])
    assert (await worker.suggest(greedy, {}, [0])).suggestions
    with pytest.raises(SearchFailed, match="greedy needs more than 128 MiB for one trial, with 6 parameters"):
        await worker.suggest(greedy, {}, [1])
    assert await worker.suggest(asked, history, [12]) == answer(asked, history, [12])
    await worker.close()


async def test_a_request_that_is_cancelled_frees_its_process(hanging):
    """The process is killed soon, though the limit is far away."""
    worker = SearchWorker(Limits(models=1, seconds=1e6))
    asking = asyncio.ensure_future(worker.suggest(hanging, {}, [3]))
    while not worker._running:
        await asyncio.sleep(0.01)
    asking.cancel()
    worker.forget(hanging.key)
    asked = problem(FLAT)
    history = told(asked, 12)
    assert await worker.suggest(asked, history, [12]) == answer(asked, history, [12])
    assert asking.cancelled()
    await worker.close()


@pytest.mark.parametrize("algorithm", ["random", "grid", "qmc", "tpe", "nsga2"])
async def test_requests_that_only_draw_do_not_wait_for_models(hanging, algorithm):
    """Those of samplers that do not learn, and startup trials, while a model hangs."""
    worker = SearchWorker(Limits(models=1, seconds=1e6, batch=60.0))
    asking = asyncio.ensure_future(worker.suggest(hanging, {}, [3]))
    asked = replace(problem(FLAT, algorithm, initial=[{"layers": 2}]), key="drawing")
    history = told(problem(FLAT, "random", initial=[{"layers": 2}]), 9)
    assert await worker.suggest(asked, history, [9, 10]) == answer(asked, history, [9, 10])
    await worker.close()
    with pytest.raises(SearchFailed):
        await asking


async def test_one_namespace_leaves_a_process_to_the_others(hanging):
    """Two of its experiments hang, and an experiment of another namespace is answered."""
    worker = SearchWorker(Limits(models=2, seconds=1e6))
    hangs = [
        asyncio.ensure_future(worker.suggest(replace(hanging, namespace="a", key=key), {}, [3])) for key in ("1", "2")
    ]
    asked = replace(problem(FLAT), namespace="b")
    history = told(asked, 12)
    assert await worker.suggest(asked, history, [12]) == answer(asked, history, [12])
    await worker.close()
    assert all(isinstance(one, SearchFailed) for one in await asyncio.gather(*hangs, return_exceptions=True))


async def test_a_long_history_is_sent_in_parts(worker, monkeypatch):
    """Other requests have their turn between two parts, and the answer is the same."""
    monkeypatch.setattr("toprung.search.channel._CHUNK", 500)
    asked, other = problem(FLAT), replace(problem(FLAT), key="other")
    history = told(asked, 14)
    answers = await asyncio.gather(*(worker.suggest(each, history, [14]) for each in (asked, other)))
    assert answers == [answer(asked, history, [14])] * 2


async def test_a_warm_start_is_sent_like_the_rest_of_the_history(worker):
    """And counted as a study counts it."""
    prior = tuple(evaluation(-1 - index, one.parameters, 0.5) for index, one in told(problem(FLAT), 12).items())
    asked = replace(problem(FLAT), prior=prior)
    assert await worker.suggest(asked, {}, [0]) == answer(asked, {}, [0])


async def test_an_idle_process_with_models_ends():
    """It starts again when it is needed."""
    worker = SearchWorker(Limits(models=1, idle=0.0))
    asked = problem(FLAT)
    history = told(asked, 12)
    await worker.suggest(asked, history, [12])
    while worker._channels[MODELS].alive:
        await asyncio.sleep(0.01)
    assert await worker.suggest(asked, history, [12]) == answer(asked, history, [12])
    await worker.close()


async def test_an_experiment_that_is_forgotten_while_it_is_asked_leaves_nothing(worker):
    """Its request is cancelled, and ends later."""
    asked = problem(FLAT)
    await worker.start()
    asking = asyncio.ensure_future(worker.suggest(asked, told(asked, 4), [4]))
    while not worker._running:
        await asyncio.sleep(0)
    asking.cancel()
    worker.forget(asked.key)
    while worker._running:
        await asyncio.sleep(0.01)
    assert not any((worker._scheduler._experiments, worker._scheduler._fast, worker._scheduler._slow))


async def test_a_turn_that_is_cancelled_before_its_request_is_not_measured(worker):
    """The time of the request before it is not its own."""
    first, second = (replace(problem(FLAT, "random"), key=key) for key in ("first", "second"))
    answered, cancelled = (asyncio.ensure_future(worker.suggest(asked, {}, [0])) for asked in (first, second))
    while not any(job.key == "second" for job in worker._running.values()):
        await asyncio.sleep(0)
    cancelled.cancel()
    await asyncio.wait([answered, cancelled])
    while worker._running:
        await asyncio.sleep(0.01)
    assert worker._scheduler._fast == {"first"}


async def test_a_batch_does_not_wait_for_the_request_of_another_experiment(hanging):
    """What has been found is returned, though the process hangs in the other request for longer."""
    worker = SearchWorker(Limits(models=1, seconds=1e6, batch=3.0))
    asked = replace(problem(FLAT), namespace="a")
    history = told(asked, 12)
    await worker.suggest(asked, history, [12])
    batch = asyncio.ensure_future(worker.suggest(asked, history, [12, 13]))
    hangs = asyncio.ensure_future(worker.suggest(replace(hanging, namespace="b"), {}, [3]))
    await asyncio.wait([batch, hangs], return_when=asyncio.FIRST_COMPLETED, timeout=30.0)
    await worker.close()
    assert await batch == answer(asked, history, [12])
    assert (await asyncio.gather(hangs, return_exceptions=True))[0].args == ("the search worker is closed",)


async def test_a_long_history_is_sent_to_a_free_process_while_its_own_one_is_busy(hanging, monkeypatch):
    """Another experiment hangs there between two parts."""
    monkeypatch.setattr("toprung.search.channel._CHUNK", 500)
    worker = SearchWorker(Limits(models=2, seconds=1e6))
    await asyncio.gather(*(channel.start() for channel in worker._channels))
    asked = problem(FLAT)
    history = told(asked, 14)
    gone, asking, hangs = (
        asyncio.ensure_future(worker.suggest(replace(one, namespace=name, key=name), known, [index]))
        for one, name, known, index in ((hanging, "a", {}, 3), (asked, "b", history, 14), (hanging, "c", {}, 3))
    )
    while "c" not in (job.key for job in worker._running.values()):
        await asyncio.sleep(0)
    gone.cancel()
    await asyncio.wait([asking, hangs], return_when=asyncio.FIRST_COMPLETED, timeout=30.0)
    await worker.close()
    assert await asking == answer(asked, history, [14])
    assert (await asyncio.gather(hangs, return_exceptions=True))[0].args == ("the search worker is closed",)
