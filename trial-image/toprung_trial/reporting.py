"""Metrics go to the operator as one JSON line each on stdout."""

from __future__ import annotations

import json
import math
import os
import sys
from typing import Any


def report(**metrics: Any) -> None:
    """Print the metrics of one step as one JSON line: ``report(epoch=3, val_accuracy=0.91)``.

    Values are numbers or scalars of NumPy, PyTorch and the like. JSON has no NaN: what is not finite is written as the
    string "nan", "inf" or "-inf", which the operator reads as such. A name that is no Python identifier goes in as
    ``report(**{"val/accuracy": 0.91})``.

    Raises:
        TypeError: no metric was given, or a value is not one number.
    """
    if not metrics:
        raise TypeError("report() was given no metric; write report(epoch=3, val_accuracy=0.91)")
    _write_line(json.dumps({name: _plain(name, value) for name, value in metrics.items()}))


def _plain(name: str, value: Any) -> int | float | str:
    try:
        value = value.item() if hasattr(value, "item") else value
        if isinstance(value, int):
            return int(value)
        number = float(value)
    except (TypeError, ValueError, RuntimeError) as error:
        raise TypeError(f"report({name}={value!r}): a metric is one number, such as {name}=0.91") from error
    return number if math.isfinite(number) else str(number)


def _write_line(line: str) -> None:
    sys.stdout.flush()  # what the program printed before stays before
    try:
        descriptor = sys.stdout.fileno()
    except (AttributeError, OSError, ValueError):  # a notebook or a test has replaced stdout
        sys.stdout.write(line + "\n")
        sys.stdout.flush()
        return
    # One system call a line: lines of data loaders, threads and subprocesses can't get into its middle.
    rest = memoryview((line + "\n").encode())
    while rest:
        rest = rest[os.write(descriptor, rest) :]
