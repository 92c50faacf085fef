"""A node with real processes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from localkube.node.runtime import ProcessRuntime
from support.node import Machine, machine


@pytest.fixture
async def m(tmp_path: Path) -> AsyncIterator[Machine]:
    async with machine(tmp_path, ProcessRuntime(tmp_path / "processes"), gpus=2) as made:
        yield made
