"""Waiting for what another process does and nobody tells of."""

import asyncio
from collections.abc import Awaitable, Callable

LOOK_EVERY = 0.03


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    """Look now and then until it is so."""
    while not await holds():  # noqa: ASYNC110 - there is no event to wait for
        await asyncio.sleep(LOOK_EVERY)
