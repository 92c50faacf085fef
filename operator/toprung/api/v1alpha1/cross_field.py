"""Defines rules between fields: each has its CEL, its Python check and its message in one place.

The CRD contains the CEL, so that the API server rejects an invalid manifest. `toprung validate` and the operator run
the Python check.
"""

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from pydantic.alias_generators import to_camel

from toprung.api.crd.cel import CelReason, CelRule
from toprung.api.messages import shown
from toprung.errors import FieldError

_PREFIXES: Mapping[CelReason, str] = MappingProxyType(
    {
        "FieldValueInvalid": "Invalid value: ",
        "FieldValueForbidden": "Forbidden: ",
        "FieldValueRequired": "Required value: ",
        "FieldValueDuplicate": "Duplicate value: ",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CrossFieldRule:
    """A rule between the fields of one object.

    Attributes:
        fields: Python names of the fields that the rule reads. Their values are the arguments of the functions below.
            The rule is skipped while one of them is unreadable.
        cel: the rule as CEL over `self`; None if CEL can't express it.
        no_cel: why `cel` is None.
        message: what is wrong.
        fix: how to fix it.
        holds: returns whether the rule holds.
        suggest: returns a fix that names values; replaces `fix` in Python. CEL has only `fix`, because a string that is
            built from values exceeds the cost budget.
        find_errors: replaces `holds` where a rule can be violated in several places; returns all errors.
        path: path of the field to blame, relative to the object; None: the first of `fields`; "": the object.
        reason: kind of the error.
    """

    fields: tuple[str, ...]
    message: str
    cel: str | None
    no_cel: str = ""
    fix: str = ""
    holds: Callable[..., bool] | None = None
    suggest: Callable[..., str] | None = None
    find_errors: Callable[..., Iterable[FieldError]] | None = None
    path: str | None = None
    reason: CelReason = "FieldValueInvalid"

    def validate(self, fields: Mapping[str, Any]) -> Iterator[FieldError]:
        """Check the rule; paths are relative to the object.

        Args:
            fields: name of a field -> its value, for the fields that are readable.
        """
        if not all(name in fields for name in self.fields):
            return
        values = [fields[name] for name in self.fields]
        if self.find_errors is not None:
            yield from self.find_errors(*values)
        elif self.holds is not None and not self.holds(*values):
            fix = self.suggest(*values) if self.suggest is not None else self.fix
            yield FieldError(self._path, f"{_PREFIXES[self.reason]}{self._quoted(values[0])}{self.message}. {fix}")

    @property
    def _path(self) -> str:
        return to_camel(self.fields[0]) if self.path is None else self.path

    def _quoted(self, value: Any) -> str:
        """Quote the value of the field to blame, as the API server does."""
        quotes = (
            self.path is None and self.reason == "FieldValueInvalid" and isinstance(value, bool | int | float | str)
        )
        return f"{shown(value)}: " if quotes else ""

    def to_cel(self) -> Iterator[CelRule]:
        """Return the rule for the CRD, none if CEL can't express it."""
        if self.cel is not None:
            path = f".{self._path}" if self._path else ""
            yield CelRule(self.cel, message=f"{self.message}. {self.fix}", path=path, reason=self.reason)


def validate_rules(rules: Iterable[CrossFieldRule], fields: Mapping[str, Any]) -> Iterator[FieldError]:
    """Check rules in their order; paths are relative to the object."""
    for rule in rules:
        yield from rule.validate(fields)


def cel_rules(rules: Iterable[CrossFieldRule]) -> tuple[CelRule, ...]:
    """Return the rules that CEL can express, for the CRD."""
    return tuple(cel for rule in rules for cel in rule.to_cel())


def duplicate_errors(
    path: str, values: Iterable[Any], suffix: str = "", *, key: Callable[[Any], Hashable] = lambda value: value
) -> Iterator[FieldError]:
    """Return an error for each value of a list that an earlier one equals.

    Args:
        path: path of the list.
        values: the values of the list, or of one field of its items.
        suffix: path of that field in an item, such as `.metric`.
        key: returns the key by which values differ.
    """
    seen: set[Hashable] = set()
    for i, value in enumerate(values):
        if key(value) in seen:
            yield FieldError(f"{path}[{i}]{suffix}", f"Duplicate value: {shown(value)}. Remove it.")
        seen.add(key(value))
