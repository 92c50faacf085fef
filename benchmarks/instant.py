"""A runtime of the embedded node that starts no process: what is measured is then the control plane alone.

A container's command is `[noop, SECONDS, VALUE]`: it runs that long, prints `acc=VALUE` and ends well.
"""

import asyncio
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime

from toprung.local.logfile import timestamp
from toprung.local.runtime import Exit, Program


@dataclass
class InstantProcess:
    """One run; over when its time is over or it gets a signal."""

    program: Program
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    def __post_init__(self) -> None:
        self._ended: asyncio.Future[Exit] = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_later(float(self.program.argv[1]), self._end, 0, 0)

    @property
    def exited(self) -> bool:
        """Whether it is over."""
        return self._ended.done()

    async def wait(self) -> Exit:
        """Return when it is over."""
        return await asyncio.shield(self._ended)

    async def grown(self) -> None:
        """Return when it is over: nothing is printed before."""
        await asyncio.wait([self._ended])

    def signal(self, number: int) -> None:
        """End it."""
        self._end(128 + number, number)

    def _end(self, code: int, number: int) -> None:
        if self._ended.done():
            return
        line = f"{timestamp(time.time_ns())} stdout F acc={self.program.argv[2]}\n"
        self.program.log.parent.mkdir(parents=True, exist_ok=True)
        self.program.log.write_text(line if code == 0 else "")
        self._ended.set_result(Exit(code, number, datetime.now(UTC)))


class InstantRuntime:
    """Starts nothing; see the module."""

    async def open(self) -> None:
        """Nothing is left from before."""

    async def close(self) -> None:
        """Nothing runs."""

    async def start(self, program: Program) -> InstantProcess:
        """Begin a run."""
        return InstantProcess(program)
