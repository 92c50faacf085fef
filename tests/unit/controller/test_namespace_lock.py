"""Namespaces take turns at a lock."""

import asyncio
from contextlib import suppress

import pytest

from toprung.controller.namespace_lock import NamespaceLock


async def hold(turns: NamespaceLock, namespace: str, order: list[str]) -> None:
    async with turns.held_by(namespace):
        order.append(namespace)
        await asyncio.sleep(0)


async def settle() -> None:
    for _ in range(50):
        await asyncio.sleep(0)


@pytest.mark.parametrize(
    ("requests", "served"),
    [
        pytest.param("aaa", "aaa", id="one namespace"),
        pytest.param("aaaab", "aabaa", id="another one waits for one turn"),
        pytest.param("aaabbcc", "aabcabc", id="three namespaces"),
    ],
)
async def test_the_lock_passes_from_namespace_to_namespace(requests, served):
    """Within a namespace the order of the requests counts."""
    turns, order = NamespaceLock(), []
    await asyncio.gather(*(hold(turns, namespace, order) for namespace in requests))
    assert "".join(order) == served


@pytest.mark.parametrize("cancelled", range(4))
@pytest.mark.parametrize("when", [0, 1, 2, 3])
async def test_a_cancelled_request_does_not_keep_the_lock(cancelled, when):
    """The request waits, was just served, or holds the lock."""
    turns, order = NamespaceLock(), []
    tasks = [asyncio.create_task(hold(turns, namespace, order)) for namespace in "abab"]
    for _ in range(when):
        await asyncio.sleep(0)
    tasks[cancelled].cancel()
    await settle()
    assert [task.done() for task in tasks] == [True] * 4
    with suppress(asyncio.CancelledError):
        await tasks[cancelled]
    order.clear()
    await hold(turns, "c", order)
    assert order == ["c"]
