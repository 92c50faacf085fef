"""How values, configurations and durations are written for people."""

import json
import math
import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import yaml

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_./-]*")
_YAML_WORDS = frozenset({"true", "false", "yes", "no", "on", "off", "null", "y", "n"})


def number(value: float | None) -> str:
    """Four significant digits at the least, no trailing noise; a dash for none."""
    return "-" if value is None else f"{value:.5g}"


def duration(span: timedelta) -> str:
    """Write whole seconds, as in 1h02m03s, 2m03s or 3s."""
    seconds = max(0, int(span.total_seconds()))
    hours, minutes = seconds // 3600, seconds // 60 % 60
    if hours:
        return f"{hours}h{minutes:02}m{seconds % 60:02}s"
    return f"{minutes}m{seconds % 60:02}s" if minutes else f"{seconds}s"


def configuration(parameters: Mapping[str, Any]) -> str:
    """Write a configuration in one line for reading, as in lr=0.0031 batch=64."""
    return " ".join(f"{name}={_short(value)}" for name, value in parameters.items())


def flow(parameters: Mapping[str, Any]) -> str:
    """Write a configuration exactly, as YAML that can be pasted below spec.initialTrials."""
    return "{" + ", ".join(f"{name}: {_scalar(value)}" for name, value in parameters.items()) + "}"


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _scalar(value: Any) -> str:
    if not isinstance(value, str):
        return json.dumps(value)
    if _PLAIN.fullmatch(value) and value.lower() not in _YAML_WORDS:
        return value
    quoted: str = yaml.safe_dump(value, default_style='"', allow_unicode=True, width=math.inf)
    return quoted.rstrip("\n")
