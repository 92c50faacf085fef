"""The work queue, in virtual time."""

import asyncio

import pytest

from toprung.kube.work_queue import WorkQueue

pytestmark = pytest.mark.looptime


def make_queue(**settings) -> WorkQueue:
    return WorkQueue(**settings)


async def take(queue: WorkQueue) -> tuple[str, float]:
    """Return the next key, and its time in seconds since the start of the loop."""
    return await anext(queue), asyncio.get_running_loop().time()


async def idle(queue: WorkQueue, seconds: float) -> bool:
    """Return whether the queue returns no key for that long."""
    try:
        async with asyncio.timeout(seconds):
            await anext(queue)
    except TimeoutError:
        return True
    return False


async def test_repeated_adds_are_one_reconciliation():
    """A key that is added three times is returned once."""
    queue = make_queue()
    for _ in range(3):
        queue.add("a")
    assert await anext(queue) == "a"
    queue.done("a")
    assert await idle(queue, 100)


async def test_a_key_added_during_its_reconciliation_is_returned_after_it():
    """No second worker receives it in the meantime, and the addition is not lost."""
    queue = make_queue()
    queue.add("a")
    await anext(queue)
    queue.add("a")
    assert await idle(queue, 1)
    queue.done("a")
    assert await anext(queue) == "a"


async def test_keys_take_turns():
    """A key that is added again and again does not delay others."""
    queue = make_queue()
    for key in ("a", "b", "c"):
        queue.add(key)
    seen = []
    for _ in range(6):
        key = await anext(queue)
        seen.append(key)
        queue.add(key)
        queue.done(key)
    assert seen == ["a", "b", "c"] * 2


@pytest.mark.parametrize(
    ("waits", "expected"),
    [
        pytest.param([5], 5, id="one timer"),
        pytest.param([5, 3], 3, id="the earliest wins, set last"),
        pytest.param([3, 5], 3, id="the earliest wins, set first"),
        pytest.param([5, 0], 0, id="add makes it ready at once"),
    ],
)
async def test_the_earliest_of_several_timers_counts(waits, expected):
    """It causes one reconciliation."""
    queue = make_queue()
    for seconds in waits:
        queue.add_after("a", seconds)
    assert await take(queue) == ("a", pytest.approx(expected))
    queue.done("a")
    assert await idle(queue, 100)


async def test_namespaces_take_turns():
    """Earlier keys of a namespace do not delay the key of another namespace."""
    queue = make_queue()
    for key in ("a/1", "a/2", "a/3", "b/1"):
        queue.add(key)
    assert [await anext(queue) for _ in range(4)] == ["a/1", "b/1", "a/2", "a/3"]


async def test_a_namespace_never_has_all_workers():
    """A namespace at its limit receives its next key when one of its reconciliations ends."""
    queue = make_queue(per_namespace=2)
    for key in ("a/1", "a/2", "a/3", "b/1"):
        queue.add(key)
    assert [await anext(queue) for _ in range(3)] == ["a/1", "b/1", "a/2"]
    assert await idle(queue, 100)
    queue.done("a/1")
    assert await anext(queue) == "a/3"


async def test_a_waiting_worker_gets_the_key_that_a_limit_held_back():
    """The end of a reconciliation wakes a worker that waits already."""
    queue = make_queue(per_namespace=1)
    queue.add("a/1")
    await anext(queue)
    queue.add("a/2")
    waiting = asyncio.create_task(anext(queue))
    await asyncio.sleep(1)
    queue.done("a/1")
    assert await waiting == "a/2"


async def test_a_key_rests_at_least_as_long_as_requested():
    """Planning of a large experiment uses the processor for longer than the usual rest."""
    queue = make_queue()
    queue.add("a")
    await anext(queue)
    queue.done("a", at_least=2)
    queue.add("a")
    assert await take(queue) == ("a", pytest.approx(2))


@pytest.mark.parametrize(
    ("duration", "rest"),
    [
        pytest.param(0.0, 0.0, id="instant"),
        pytest.param(0.1, 0.1, id="as long as it took"),
        pytest.param(9.0, 0.25, id="never longer than the longest"),
    ],
)
async def test_a_key_rests_after_a_reconciliation(duration, rest):
    """A burst of additions causes one reconciliation, min(duration, 0.25) seconds later."""
    queue = make_queue()
    queue.add("a")
    await anext(queue)
    await asyncio.sleep(duration)
    queue.done("a")
    for _ in range(10):
        queue.add("a")
    assert await take(queue) == ("a", pytest.approx(duration + rest))
    queue.done("a")
    assert await idle(queue, 10)


async def test_a_resting_key_does_not_delay_others():
    """The other keys are returned immediately."""
    queue = make_queue()
    queue.add("a")
    await anext(queue)
    await asyncio.sleep(1)
    queue.done("a")
    queue.add("a")
    queue.add("b")
    assert await anext(queue) == "b"


async def test_a_finished_key_leaves_no_state():
    """Otherwise the operator's memory would grow with each deleted experiment."""
    queue = make_queue()
    queue.add("a")
    await anext(queue)
    await asyncio.sleep(1)
    queue.add_after("a", 2)
    queue.done("a")
    await anext(queue)
    queue.done("a")
    await asyncio.sleep(1)
    state = (
        queue._timers,
        queue._queued,
        queue._started,
        queue._again,
        queue._backoff_ends,
        queue._ready,
        queue._serving,
    )
    assert not any(state)
