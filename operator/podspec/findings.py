"""Findings: invalid fields, with the reasons and the wording of Kubernetes' `field.Error`."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class ErrorType(StrEnum):
    """The reason why a field is invalid: a metav1.CauseType."""

    REQUIRED = "FieldValueRequired"
    INVALID = "FieldValueInvalid"
    UNSUPPORTED = "FieldValueNotSupported"
    DUPLICATE = "FieldValueDuplicate"
    FORBIDDEN = "FieldValueForbidden"
    NOT_FOUND = "FieldValueNotFound"
    TOO_LONG = "FieldValueTooLong"
    TOO_MANY = "FieldValueTooMany"


_TITLES = {
    ErrorType.REQUIRED: "Required value",
    ErrorType.INVALID: "Invalid value",
    ErrorType.UNSUPPORTED: "Unsupported value",
    ErrorType.DUPLICATE: "Duplicate value",
    ErrorType.FORBIDDEN: "Forbidden",
    ErrorType.NOT_FOUND: "Not found",
    ErrorType.TOO_LONG: "Too long",
    ErrorType.TOO_MANY: "Too many",
}
_QUOTED = frozenset({ErrorType.INVALID, ErrorType.UNSUPPORTED, ErrorType.DUPLICATE, ErrorType.NOT_FOUND})


@dataclass(frozen=True, slots=True)
class Finding:
    """An invalid field.

    Attributes:
        reason: why the field is invalid.
        path: path of the field, such as ``spec.containers[0].image``.
        value: the value that the message quotes.
        detail: the explanation, "" where the reason suffices.
        known: names that are valid in place of the value.
    """

    reason: ErrorType
    path: str
    value: Any = None
    detail: str = ""
    known: tuple[str, ...] = ()

    def message(self, quote: Callable[[Any], str]) -> str:
        """Format the finding without its path; `quote` formats the value."""
        quoted = [quote(self.value)] if self.reason in _QUOTED else []
        return ": ".join([_TITLES[self.reason], *quoted, *([self.detail] if self.detail else [])])


def required(path: str, detail: str = "") -> Finding:
    """Return the finding for a field that is missing or empty."""
    return Finding(ErrorType.REQUIRED, path, detail=detail)


def invalid(path: str, value: Any, detail: str) -> Finding:
    """Return the finding for an invalid value."""
    return Finding(ErrorType.INVALID, path, value, detail)


def unsupported(path: str, value: Any, supported: Iterable[str]) -> Finding:
    """Return the finding for a value outside an enumeration."""
    values = ", ".join(f'"{one}"' for one in supported)
    return Finding(ErrorType.UNSUPPORTED, path, value, f"supported values: {values}")


def duplicate(path: str, value: Any) -> Finding:
    """Return the finding for a value that another item of the list has."""
    return Finding(ErrorType.DUPLICATE, path, value)


def forbidden(path: str, detail: str) -> Finding:
    """Return the finding for a field that must not be set."""
    return Finding(ErrorType.FORBIDDEN, path, detail=detail)


def not_found(path: str, name: str, known: tuple[str, ...], detail: str = "") -> Finding:
    """Return the finding for the name of an object that the Pod does not have."""
    return Finding(ErrorType.NOT_FOUND, path, name, detail, known)


def too_long(path: str, most: int, unit: str = "characters") -> Finding:
    """Return the finding for a value that is too long."""
    return Finding(ErrorType.TOO_LONG, path, detail=f"may not be more than {most} {unit}")


def too_many(path: str, count: int, most: int) -> Finding:
    """Return the finding for a list that has too many items."""
    return Finding(ErrorType.TOO_MANY, path, detail=f"{count}: must have at most {most} items")
