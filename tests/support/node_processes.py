"""Shell programs for the Pods of an embedded node, and the processes that they start."""

from __future__ import annotations

import os
from contextlib import aclosing
from pathlib import Path
from typing import Any

from localkube.apiserver.log_source import LogQuery
from support.node import Machine, container, until

HOLDS = 'trap "" TERM; echo ready; while :; do sleep 0.05; done'
OBEYS = 'trap "echo bye; exit 7" TERM; echo ready; while :; do sleep 0.05; done'


def sh(script: str, **fields: Any) -> dict[str, Any]:
    return container("sh", "-c", script, **fields)


async def wait_until_printed(m: Machine, name: str, word: bytes = b"ready") -> None:
    """Wait until the log of a Pod contains a word."""
    await until(lambda: m.status(name).get("phase") == "Running")
    seen = b""
    async with aclosing(m.logs.read(m.get(name), LogQuery(follow=True))) as chunks:  # type: ignore[type-var]
        async for chunk in chunks:
            seen += chunk
            if word in seen:
                return


def processes_with(marker: str) -> list[int]:
    """Return the processes with a marker in their command line."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                words = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if marker.encode() in words and int(entry.name) != os.getpid():
                found.append(int(entry.name))
    return found


def leaders(m: Machine) -> list[int]:
    folder = m.node.host.logs.parent / "processes"
    return [int(file.read_text().split()[0]) for file in folder.iterdir()]
