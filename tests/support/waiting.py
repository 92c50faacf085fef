"""Wait for conditions with a limit, so that a test fails instead of hanging."""

import asyncio
import time
from collections.abc import Callable

SECONDS = 120.0
"""The limit. It is far above any usual wait, also on a busy machine."""


async def wait_until(
    condition: Callable[[], object], what: str = "the condition is true", *, every: float = 0.005
) -> None:
    """Wait until a condition is true, and let the event loop run meanwhile.

    With `every=0` the condition is checked in each turn of the loop, which a state that soon ends needs.

    Raises:
        TimeoutError: if the condition stays false.
    """
    try:
        async with asyncio.timeout(SECONDS):
            while not condition():
                await asyncio.sleep(every)
    except TimeoutError:
        raise TimeoutError(f"not within {SECONDS:.0f} s: {what}") from None


def block_until(condition: Callable[[], object], what: str = "the condition is true") -> None:
    """Block until a condition is true.

    Raises:
        TimeoutError: if the condition stays false.
    """
    deadline = time.monotonic() + SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {SECONDS:.0f} s: {what}")
        time.sleep(0.01)
