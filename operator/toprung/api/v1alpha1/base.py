"""What every model of the API shares."""

import math
import re
from collections.abc import Iterable
from datetime import timedelta
from typing import Annotated, Any, Self, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, WithJsonSchema, model_validator
from pydantic.alias_generators import to_camel
from pydantic.config import JsonDict

from toprung.api.crd.cel import CelRule, validations
from toprung.api.messages import bounded, shown
from toprung.errors import FieldError

GROUP = "toprung.dev"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"

MAX_TEXT = 1024


def _scalar(value: Any) -> Any:
    """Refuse in one message what no branch of the union takes; pydantic would give a message for each branch."""
    if not isinstance(value, bool | int | float | str):
        raise ValueError(f"{shown(value)} is not a value; write a number, a text, true or false")  # noqa: TRY004 - pydantic's
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{shown(value)} is not finite; write a number")
    if isinstance(value, str) and len(value) > MAX_TEXT:
        raise ValueError(f"a text of {len(value)} characters is too long; write at most {MAX_TEXT}")
    return value


ParameterValue = Annotated[bool | int | float | str, BeforeValidator(_scalar)]
"""A hyperparameter's value as JSON carries it."""


class CrossFieldErrors(ValueError):
    """Rules that a model breaks though each of its fields is well-formed; paths are relative to the model."""

    def __init__(self, errors: tuple[FieldError, ...]) -> None:
        super().__init__("; ".join(str(error) for error in errors))
        self.errors = errors


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

    def cross_field_errors(self) -> Iterable[FieldError]:
        """Give what breaks the rules between fields; paths are relative to this model."""
        return ()

    @model_validator(mode="after")
    def _keep_the_rules(self) -> Self:
        if errors := bounded(self.cross_field_errors()):
            raise CrossFieldErrors(errors)
        return self


def _exactly_one(schema: JsonDict, model: type[BaseModel]) -> None:
    assert issubclass(model, OneOf)  # noqa: S101 - only OneOf's configuration names this function
    members = model.members()
    count = ", ".join(f"has(self.{member})" for member in members)
    schema.update(validations(CelRule(f"[{count}].filter(x, x).size() == 1", message=f"set {model.advice()}")))


class OneOf(Model):
    """A union by member, as Kubernetes does it: exactly one of the members that are models must be set."""

    model_config = ConfigDict(json_schema_extra=_exactly_one)

    @classmethod
    def members(cls) -> tuple[str, ...]:
        """Give the names of the members of the union; other fields are common settings."""
        return tuple(
            field.alias or name
            for name, field in cls.model_fields.items()
            if any(isinstance(part, type) and issubclass(part, Model) for part in get_args(field.annotation))
        )

    @classmethod
    def advice(cls) -> str:
        """Say what to write."""
        members = cls.members()
        if len(members) == 1:
            return f"the member {members[0]}"
        return f"exactly one of {', '.join(members)}, such as {members[-1]}: {{}}"

    @property
    def name(self) -> str:
        """The member that is set."""
        return next(iter(self._set()))

    def _set(self) -> list[str]:
        return [member for member in self.members() if getattr(self, member) is not None]

    def cross_field_errors(self) -> Iterable[FieldError]:
        """Count the members."""
        present = self._set()
        if len(present) != 1:
            found = f"{' and '.join(present)} are set" if present else "no member is set"
            yield FieldError("", f"{found}; set {self.advice()}")


MAX_DURATION_TEXT = 32
MAX_SECONDS = 100 * 365 * 86400.0
_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3}
_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?)(h|ms|m|s)")
DURATION_PATTERN = r"^([0-9]+(\.[0-9]+)?(h|m|s|ms))+$"


def parse_duration(text: Any) -> Any:
    """Read a duration in Go's syntax, such as ``1h30m`` or ``90s``.

    Raises:
        ValueError: the text is no such duration; says what to write instead.
    """
    if isinstance(text, timedelta):
        return text
    if not isinstance(text, str) or len(text) > MAX_DURATION_TEXT or not re.fullmatch(DURATION_PATTERN, text):
        raise ValueError(f"{shown(text)} is not a duration; write it like 90s, 45m or 1h30m")
    seconds = sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(text))
    if seconds > MAX_SECONDS:
        raise ValueError(f"{shown(text)} is longer than 100 years; write a shorter one")
    return timedelta(seconds=seconds)


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
    WithJsonSchema({"type": "string", "pattern": DURATION_PATTERN, "maxLength": MAX_DURATION_TEXT}),
    Field(description="A duration in Go's syntax, such as 90s, 45m or 1h30m."),
]
