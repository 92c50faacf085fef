"""A failed sampler or a failed search process affects only its own experiment."""

import asyncio
import errno
import os
import signal
from dataclasses import replace

import pytest

from scenarios.examples import install_package
from support.search import FLAT, evaluation, problem
from support.search_pool import DRAWS, answer, evaluations, pid_of
from toprung.errors import SearchFailed
from toprung.search.process_pool import Limits, SearchPool


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
