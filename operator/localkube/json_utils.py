"""Operations on JSON values: copy, merge, nested access, paths and serialization."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


def clone(value: Any) -> Any:
    """Return a deep copy of a JSON value."""
    if isinstance(value, dict):
        return {key: clone(part) if isinstance(part, dict | list) else part for key, part in value.items()}
    if isinstance(value, list):
        return [clone(part) if isinstance(part, dict | list) else part for part in value]
    return value


def merge(target: Any, patch: Any) -> Any:
    """Return `target` with a merge patch (RFC 7396) applied; null removes a key. Neither argument is changed."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = merge(merged.get(key), value)
    return merged


def dig(value: Any, *path: str) -> Any:
    """Return the value under nested keys, None where one of them is missing."""
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def child(path: str, key: str) -> str:
    """Return the path of a property."""
    return f"{path}.{key}" if path else key


def dumps(value: Any) -> bytes:
    """Serialize to compact UTF-8 JSON. Raises ValueError for NaN and infinities."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def shown(value: Any) -> str:
    """Format a value for an error message."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
