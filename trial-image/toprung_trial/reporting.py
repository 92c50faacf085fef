"""Prints metrics to stdout, one JSON object in each line."""

from __future__ import annotations

import json
import math
import os
import sys
from typing import Any


def report(**metrics: Any) -> None:
    """Print the metrics of one step as one JSON line: ``report(epoch=3, val_accuracy=0.91)``.

    Values are numbers or scalars of NumPy, PyTorch and similar packages. JSON has no NaN: non-finite values are written
    as the strings "nan", "inf" and "-inf", which the operator reads. If a name is not a Python identifier, write
    ``report(**{"val/accuracy": 0.91})``.

    Raises:
        TypeError: there is no metric, or a value is not a number.
    """
    if not metrics:
        raise TypeError("report() has no metric. Write report(epoch=3, val_accuracy=0.91).")
    _write_line(json.dumps({name: _plain(name, value) for name, value in metrics.items()}))


def _plain(name: str, value: Any) -> int | float | str:
    try:
        value = value.item() if hasattr(value, "item") else value
        if isinstance(value, int):
            return int(value)
        number = float(value)
    except (TypeError, ValueError, RuntimeError) as error:
        raise TypeError(f"report({name}={value!r}): a metric must be a number, such as {name}=0.91") from error
    return number if math.isfinite(number) else str(number)


def _write_line(line: str) -> None:
    sys.stdout.flush()  # earlier output of the program stays before the line
    try:
        descriptor = sys.stdout.fileno()
    except (AttributeError, OSError, ValueError):  # a notebook or a test has replaced stdout
        sys.stdout.write(line + "\n")
        sys.stdout.flush()
        return
    # One system call for each line: other threads and processes can't write into its middle.
    rest = memoryview((line + "\n").encode())
    while rest:
        rest = rest[os.write(descriptor, rest) :]
