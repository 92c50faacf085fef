"""Defines the base classes and value types of all models of the API."""

import math
import re
from datetime import timedelta
from functools import cache
from typing import Annotated, Any, ClassVar, Self, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, WithJsonSchema, model_validator
from pydantic.alias_generators import to_camel
from pydantic.config import JsonDict

from toprung.api.crd.cel import validations
from toprung.api.messages import bounded, shown
from toprung.api.v1alpha1.cross_field import CrossFieldRule, cel_rules, validate_rules
from toprung.errors import FieldError

GROUP = "toprung.dev"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"

MAX_TEXT = 1024
"""Characters of a string value of a parameter."""


def _fix(value: Any) -> str:
    return 'Remove it, or use quotes: "null".' if value is None else "Use one value, such as 0.1 or adam."


def _scalar(value: Any) -> Any:
    """Refuse a value of no branch of the union in one message; pydantic writes a message for each branch."""
    if not isinstance(value, bool | int | float | str):
        raise ValueError(f"Invalid value: {shown(value)}: must be a number, string or boolean. {_fix(value)}")  # noqa: TRY004 - pydantic's
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"Invalid value: {shown(value)}: must be finite. Use a number.")
    if isinstance(value, str) and "\0" in value:
        raise ValueError(f"Invalid value: {shown(value)}: must not contain NUL characters. Remove them.")
    if isinstance(value, str) and len(value) > MAX_TEXT:
        raise ValueError(f"Too long: has {len(value)} characters. Use at most {MAX_TEXT}.")
    return value


ParameterValue = Annotated[bool | int | float | str, BeforeValidator(_scalar)]
"""The value of a hyperparameter, as JSON represents it."""


class CrossFieldErrors(ValueError):
    """A model violates rules between its fields; the paths of the errors are relative to the model."""

    def __init__(self, errors: tuple[FieldError, ...]) -> None:
        super().__init__("; ".join(str(error) for error in errors))
        self.errors = errors


def _add_validations(schema: JsonDict, model: type[BaseModel]) -> None:
    assert issubclass(model, Model)  # noqa: S101 - only the configuration of Model names this function
    if rules := cel_rules(model.rules()):
        schema.update(validations(*rules))


class Model(BaseModel):
    """A frozen model with camelCase JSON. It rejects unknown fields, and violations of its rules between fields."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        extra="forbid",
        frozen=True,
        use_attribute_docstrings=True,
        allow_inf_nan=False,
        json_schema_extra=_add_validations,
    )

    RULES: ClassVar[tuple[CrossFieldRule, ...]] = ()
    """The rules between the fields of this model."""

    @classmethod
    def rules(cls) -> tuple[CrossFieldRule, ...]:
        """Return the rules between the fields of this model."""
        return cls.RULES

    def cross_field_errors(self) -> tuple[FieldError, ...]:
        """Check the rules between fields; paths are relative to this model."""
        return bounded(validate_rules(self.rules(), self.__dict__))

    @model_validator(mode="after")
    def _validate_rules(self) -> Self:
        if errors := self.cross_field_errors():
            raise CrossFieldErrors(errors)
        return self


class OneOf(Model):
    """A union: exactly one of the fields that are models must be set."""

    @classmethod
    def members(cls) -> tuple[str, ...]:
        """Return the names of the members of the union; other fields are common settings."""
        return tuple(
            field.alias or name for name, field in cls.model_fields.items() if model_of(field.annotation) is not None
        )

    @classmethod
    def rules(cls) -> tuple[CrossFieldRule, ...]:
        """Return the rules of the model, and that exactly one member is set."""
        return (*cls.RULES, _exactly_one(cls))

    @property
    def name(self) -> str:
        """Return the name of the member that is set."""
        return next(member for member in self.members() if getattr(self, member) is not None)


def model_of(annotation: Any) -> type[Model] | None:
    """Return the model in the type of a field, such as `M | None` or `tuple[M, ...]`; None without one."""
    if isinstance(annotation, type) and issubclass(annotation, Model):
        return annotation
    return next((found for part in get_args(annotation) if (found := model_of(part))), None)


@cache
def _exactly_one(union: type[OneOf]) -> CrossFieldRule:
    members = union.members()
    count = ", ".join(f"has(self.{member})" for member in members)
    if len(members) == 1:
        message, fix = f"{members[0]} is required", f"Set {members[0]}, such as {members[0]}: {{}}."
    else:
        message = f"exactly one of {', '.join(members)} is required"
        fix = f"Set one of them, such as {members[-1]}: {{}}."
    return CrossFieldRule(
        fields=members,
        path="",
        cel=f"[{count}].filter(x, x).size() == 1",
        holds=lambda *values: sum(value is not None for value in values) == 1,
        message=message,
        fix=fix,
    )


MAX_DURATION_TEXT = 32
"""Characters of a duration."""
MAX_SECONDS = 100 * 365 * 86400.0
_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3}
_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?)(h|ms|m|s)")
DURATION_PATTERN = r"^([0-9]+(\.[0-9]+)?(h|m|s|ms))+$"


def parse_duration(text: Any) -> Any:
    """Parse a duration in Go's syntax, such as ``1h30m`` or ``90s``.

    Raises:
        ValueError: the text is not a duration; the message contains the fix.
    """
    if isinstance(text, timedelta):
        return text
    if not isinstance(text, str) or len(text) > MAX_DURATION_TEXT or not re.fullmatch(DURATION_PATTERN, text):
        raise ValueError(f"Invalid value: {shown(text)}: must be a duration. Use a value such as 90s, 45m or 1h30m.")
    seconds = sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(text))
    if seconds > MAX_SECONDS:
        raise ValueError(f"Invalid value: {shown(text)}: must not exceed 100 years. Use a shorter duration.")
    return timedelta(seconds=seconds)


def format_duration(duration: timedelta) -> str:
    """Format a duration in Go's syntax, the inverse of :func:`parse_duration`."""
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
