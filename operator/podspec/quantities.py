"""Kubernetes quantities (`500m`, `1Gi`, `2e3`) as exact numbers."""

from __future__ import annotations

import re
from decimal import Decimal
from functools import lru_cache

_FORMAT = re.compile(r"(?P<number>[+-]?(?:\d+\.?\d*|\.\d+))(?P<suffix>[KMGTPE]i|[numkMGTPE]|[eE][+-]?\d+)?", re.ASCII)
_LARGEST = Decimal(2**63 - 1)
_MOST_CHARACTERS = 64
_MAX_EXPONENT = 999
_BINARY = {f"{letter}i": Decimal(1024) ** power for power, letter in enumerate("KMGTPE", start=1)}
_DECIMAL = {"n": Decimal("1e-9"), "u": Decimal("1e-6"), "m": Decimal("1e-3")} | {
    letter: Decimal(1000) ** power for power, letter in enumerate("kMGTPE", start=1)
}


@lru_cache(maxsize=4096)
def parse(text: str | float) -> Decimal:
    """Return the value of a quantity, such as 0.5 for `500m`. Raises ValueError."""
    match = _FORMAT.fullmatch(str(text))
    if not match or len(str(text)) > _MOST_CHARACTERS:
        raise ValueError("quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'")
    number, suffix = Decimal(match["number"]), match["suffix"] or ""
    if suffix[:1] in ("e", "E") and len(suffix) > 1 and suffix != "Ei":
        return _capped(number.scaleb(max(-_MAX_EXPONENT, min(int(suffix[1:]), _MAX_EXPONENT))))
    return _capped(number * (_BINARY | _DECIMAL | {"": Decimal(1)})[suffix])


def _capped(value: Decimal) -> Decimal:
    """Return the value limited to 64 bits, as in Kubernetes."""
    return max(-_LARGEST, min(value, _LARGEST))


def show(value: Decimal, like: str | float = "1") -> str:
    """Format a quantity in its canonical form, with a binary suffix where `like`, an amount of the same resource, has
    one.
    """
    if value == value.to_integral_value() and str(like).endswith("i"):
        for suffix, unit in reversed(_BINARY.items()):
            if value and value % unit == 0:
                return f"{int(value / unit)}{suffix}"
    if value == value.to_integral_value():
        return str(int(value))
    return f"{int((value * 1000).to_integral_value(rounding='ROUND_CEILING'))}m"
