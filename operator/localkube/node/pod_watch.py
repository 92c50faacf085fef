"""A watch of all Pods that lists again when the watch history is too short."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from localkube.apiserver.errors import Gone
from localkube.apiserver.store import Store

Object = dict[str, Any]


async def watch_pods(
    store: Store, replace: Callable[[Sequence[Object]], None], observe: Callable[[str, Object], None]
) -> None:
    """Call `replace` with all Pods, then `observe` for each change, until cancelled."""
    while True:
        pods, version = store.list("pods")
        replace(pods)
        try:
            async for change, pod in store.subscribe("pods", since=version):
                observe(change, pod)
        except Gone:
            continue
