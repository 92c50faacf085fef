"""Limits the memory of a search process."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_STATM = Path("/proc/self/statm")


class MemoryLimit:
    """Limits the address space (RLIMIT_AS) to what the imports take plus a budget.

    A sampler that needs more gets a MemoryError, which is an error of its experiment alone. The modules of a sampler
    that is imported later do not count against the budget. Without /proc there is no limit.
    """

    def __init__(self, budget: int) -> None:
        """Set the limit to what is mapped now plus `budget` bytes; 0 sets no limit."""
        self._limit = mapped() + budget if budget and _STATM.exists() else 0
        self._apply(self._limit)

    @contextmanager
    def lifted(self) -> Iterator[None]:
        """Lift the limit during imports, then raise it by the memory that they have mapped."""
        before = mapped()
        self._apply(0)
        try:
            yield
        finally:
            self._limit += (mapped() - before) if self._limit else 0
            self._apply(self._limit)

    def _apply(self, limit: int) -> None:
        hard = resource.getrlimit(resource.RLIMIT_AS)[1]
        wanted = limit or resource.RLIM_INFINITY
        if hard != resource.RLIM_INFINITY:
            wanted = hard if wanted == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_AS, (wanted, hard))


def mapped() -> int:
    """Return the bytes of this process's address space; 0 if they are unknown."""
    if not _STATM.exists():
        return 0
    return int(_STATM.read_text().split()[0]) * resource.getpagesize()
