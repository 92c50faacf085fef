"""Computes exponential back-off with equal jitter (Brooker, "Exponential Backoff And Jitter", AWS, 2015)."""

from collections.abc import Callable
from dataclasses import dataclass

Jitter = Callable[[], float]
"""A source of numbers evenly spread over [0, 1)."""


@dataclass(frozen=True, slots=True)
class Backoff:
    """Waits that double from `first` to `longest`, in seconds, each drawn from its upper half."""

    first: float
    longest: float

    def delay(self, failures: int, jitter: Jitter) -> float:
        """Return the seconds to wait after that many failures in a row (1 or more)."""
        doublings = min(failures - 1, 62)  # a float holds no more than 2**1023 of them
        return min(self.longest, self.first * 2.0**doublings) * (1 + jitter()) / 2
