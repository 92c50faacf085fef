"""Implements a runtime of the embedded node that starts no process, to measure the control plane alone.

The command of a container is `[noop, SECONDS, VALUE, EPOCHS]`. The container prints `epoch=E acc=VALUE` at equal
intervals and exits with status 0 after SECONDS.
"""

import asyncio
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime

from localkube.node.log_file import timestamp
from localkube.node.runtime import Exit, Program


@dataclass
class NoOpProcess:
    """A container that ends after its time or by a signal."""

    program: Program
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    def __post_init__(self) -> None:
        loop = asyncio.get_running_loop()
        self._ended: asyncio.Future[Exit] = loop.create_future()
        self._grown = asyncio.Event()
        _, seconds, value, epochs = self.program.argv
        self.program.log.parent.mkdir(parents=True, exist_ok=True)
        self.program.log.touch()
        for epoch in range(1, int(epochs) + 1):
            loop.call_later(float(seconds) * epoch / int(epochs), self._print, f"epoch={epoch} acc={value}")
        loop.call_later(float(seconds), self._end, 0, 0)

    @property
    def exited(self) -> bool:
        """Return whether the container has ended."""
        return self._ended.done()

    async def wait(self) -> Exit:
        """Wait for the end."""
        return await asyncio.shield(self._ended)

    async def grown(self) -> None:
        """Wait for new output or the end."""
        if not self.exited:
            self._grown.clear()
            await self._grown.wait()

    def signal(self, number: int) -> None:
        """End the container by a signal."""
        self._end(128 + number, number)

    def _print(self, text: str) -> None:
        if not self.exited:
            with self.program.log.open("a") as log:
                log.write(f"{timestamp(time.time_ns())} stdout F {text}\n")
            self._grown.set()

    def _end(self, code: int, number: int) -> None:
        if not self.exited:
            self._ended.set_result(Exit(code, number, datetime.now(UTC)))
            self._grown.set()


class NoOpRuntime:
    """Starts no process."""

    async def open(self) -> None:
        """Do nothing: no earlier containers exist."""

    async def close(self) -> None:
        """Do nothing: no process runs."""

    async def start(self, program: Program) -> NoOpProcess:
        """Start a container."""
        return NoOpProcess(program)
