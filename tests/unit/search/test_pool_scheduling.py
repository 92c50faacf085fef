"""Requests share the search processes, and cancelled ones free them."""

import asyncio
from dataclasses import replace

import pytest

from support.search import FLAT, problem
from support.search_pool import answer, evaluations
from support.waiting import wait_until
from toprung.errors import SearchFailed
from toprung.search.process_pool import Limits, SearchPool


async def test_a_cancelled_request_does_not_affect_later_ones(pool):
    """Its answer is read and dropped."""
    experiment = problem(FLAT)
    await pool.start()
    impatient = asyncio.ensure_future(pool.suggest(experiment, {}, [0]))
    await asyncio.sleep(0)
    impatient.cancel()
    assert await pool.suggest(experiment, {}, [1]) == answer(experiment, {}, [1])


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
    await wait_until(lambda: "second" in [job.key for job in pool._running.values()], every=0)
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
