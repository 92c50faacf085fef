"""What every model of the API shares."""

import re
from datetime import timedelta
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, WithJsonSchema
from pydantic.alias_generators import to_camel

GROUP = "toprung.dev"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"

ParameterValue = bool | int | float | str
"""A hyperparameter's value as JSON carries it."""


class Model(BaseModel):
    """A frozen model whose JSON is camelCase, and which refuses fields it does not know."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        extra="forbid",
        frozen=True,
        use_attribute_docstrings=True,
        allow_inf_nan=False,
    )


_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
_PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(h|ms|us|µs|ns|m|s)")
DURATION_PATTERN = r"^([0-9]+(\.[0-9]+)?(h|m|s|ms))+$"


def parse_duration(text: Any) -> Any:
    """Read a duration in Go's syntax, such as ``1h30m`` or ``90s``.

    Raises:
        ValueError: the text is no such duration; says what to write instead.
    """
    if isinstance(text, timedelta):
        return text
    if not isinstance(text, str) or not text or _PART.sub("", text):
        raise ValueError(f"{text!r} is not a duration; write it like 90s, 45m or 1h30m")
    return timedelta(seconds=sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(text)))


def format_duration(duration: timedelta) -> str:
    """Write a duration in Go's syntax, the inverse of :func:`parse_duration`."""
    seconds = duration.total_seconds()
    hours, rest = divmod(seconds, 3600)
    minutes, rest = divmod(rest, 60)
    parts = [
        f"{int(hours)}h" if hours else "",
        f"{int(minutes)}m" if minutes else "",
        f"{rest:g}s" if rest else "",
    ]
    return "".join(parts) or "0s"


Duration = Annotated[
    timedelta,
    BeforeValidator(parse_duration),
    PlainSerializer(format_duration),
    WithJsonSchema({"type": "string", "pattern": DURATION_PATTERN, "maxLength": 32}),
    Field(description="A duration in Go's syntax, such as 90s, 45m or 1h30m."),
]
