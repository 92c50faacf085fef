"""Formats numbers, configurations and durations for display."""

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
    """Format a number with five significant digits; None is a dash."""
    return "-" if value is None else f"{value:.5g}"


def duration(span: timedelta) -> str:
    """Format a duration in whole seconds, such as 1h02m03s, 2m03s or 3s."""
    seconds = max(0, int(span.total_seconds()))
    hours, minutes = seconds // 3600, seconds // 60 % 60
    if hours:
        return f"{hours}h{minutes:02}m{seconds % 60:02}s"
    return f"{minutes}m{seconds % 60:02}s" if minutes else f"{seconds}s"


def flow(parameters: Mapping[str, Any]) -> str:
    """Format a configuration exactly, as YAML for spec.initialTrials."""
    return "{" + ", ".join(f"{name}: {_scalar(value)}" for name, value in parameters.items()) + "}"


def _scalar(value: Any) -> str:
    if not isinstance(value, str):
        return json.dumps(value)
    if _PLAIN.fullmatch(value) and value.lower() not in _YAML_WORDS:
        return value
    quoted: str = yaml.safe_dump(value, default_style='"', allow_unicode=True, width=math.inf)
    return quoted.rstrip("\n")
