"""Resolves plain scalars of YAML as kubectl does.

kubectl uses sigs.k8s.io/yaml, whose parser is go-yaml v2 (resolve.go): YAML 1.1 without base 60 and without dates, with
Go's syntax of integers (0o17, 0x1f, 017 is octal). Values go through JSON there, in which 1.0 is 1.
"""

import math
import re
from collections.abc import Mapping
from types import MappingProxyType

Scalar = str | int | float | bool | None

_WORDS: Mapping[str, Scalar] = MappingProxyType(
    {
        **{form: True for word in ("y", "yes", "true", "on") for form in (word, word.capitalize(), word.upper())},
        **{form: False for word in ("n", "no", "false", "off") for form in (word, word.capitalize(), word.upper())},
        **dict.fromkeys(("", "~", "null", "Null", "NULL")),
        **dict.fromkeys((".nan", ".NaN", ".NAN"), math.nan),
        **dict.fromkeys((sign + word for sign in ("", "+") for word in (".inf", ".Inf", ".INF")), math.inf),
        **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), -math.inf),
    }
)
_INTEGER = re.compile(r"[-+]?(0[xX][0-9a-fA-F]+|0[oO]?[0-7]+|0[bB][01]+|0|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_BASES = {"x": 16, "o": 8, "b": 2}
_MAX_NUMBER = 400
"""Characters of a number; longer ones are strings, since no double needs them."""
_EXACT = 1e21
"""JSON of Go writes floats below this without an exponent."""


def resolve(text: str) -> Scalar:
    """Return the value of a plain scalar."""
    if text in _WORDS:
        return _WORDS[text]
    if not text or text[0] not in "+-.0123456789" or len(text) > _MAX_NUMBER:
        return text
    plain = text.replace("_", "")
    if _INTEGER.fullmatch(plain) and -(2**63) <= (number := _integer(plain)) < 2**64:
        return number
    if not _FLOAT.fullmatch(plain):
        return text
    return _float(text, float(plain))


def key_text(key: Scalar) -> str | None:
    """Return the JSON form of a key; None if there is none."""
    if isinstance(key, bool):
        return "true" if key else "false"
    if key is None or (isinstance(key, float) and not math.isfinite(key)):
        return None
    return str(key)


def _integer(text: str) -> int:
    sign, digits = (-1 if text[0] == "-" else 1), text.lstrip("+-").lower()
    if digits[:1] == "0" and len(digits) > 1:
        base = _BASES.get(digits[1], 8)
        return sign * int(digits[2:] if digits[1] in _BASES else digits, base)
    return sign * int(digits)


def _float(text: str, number: float) -> Scalar:
    if math.isinf(number):
        return text
    return int(number) if number.is_integer() and abs(number) < _EXACT else number
