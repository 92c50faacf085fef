"""Validates the objects of a Pod by their types: the tables first, then the rules between fields."""

from collections.abc import Iterator, Mapping
from functools import cache
from ipaddress import ip_address
from typing import Any

from podspec import containers, metadata, networking, resources, scheduling, security, volume_sources, volumes
from podspec.findings import Finding, forbidden, invalid, required, unsupported
from podspec.formats import Format
from podspec.objects import Check, Object, Unknown, at
from podspec.tables import ENUMS, FORMATS, NEVER_EMPTY, OPTIONAL, OPTIONAL_UNIONS, RANGES, REQUIRED, UNIONS
from podspec.types import object_types

_RULES: tuple[Mapping[str, tuple[Check, ...]], ...] = tuple(
    module.RULES
    for module in (containers, metadata, networking, resources, scheduling, security, volume_sources, volumes)
)


def validate(kind: str, value: Object, path: str) -> Iterator[Finding]:
    """Validate an object of a new Pod, and the objects in its fields.

    Args:
        kind: its type, such as ``PodTemplateSpec``.
        value: its fields, with the right types; null fields are absent. A string of the class Unknown is not checked.
        path: its path, which begins the paths of the findings.
    """
    for check in _checks(kind):
        yield from check(value, path)
    fields = object_types()[kind].fields
    for field, found in value.items():
        if field not in fields or (inner := fields[field].name) not in object_types():
            continue
        if isinstance(found, list):
            for i, item in enumerate(found):
                yield from validate(inner, item, f"{at(path, field)}[{i}]")
        else:
            yield from validate(inner, found, at(path, field))


@cache
def _checks(kind: str) -> tuple[Check, ...]:
    type_ = object_types().get(kind)
    needed = (*(type_.required if type_ else ()), *REQUIRED.get(kind, ()))
    return (
        *(_required(field) for field in needed if f"{kind}.{field}" not in OPTIONAL),
        *(_one_of(table[kind], optional=optional) for table, optional in _UNIONS if kind in table),
        *(_enum(field, supported, absent) for field, absent, supported in _fields(ENUMS, kind)),
        *(_range(field, low, high) for field, _, (low, high) in _fields(RANGES, kind)),
        *(_format(field, format_, absent) for field, absent, format_ in _fields(FORMATS, kind)),
        *(_addresses(field) for field in _ADDRESSES.get(kind, ())),
        *(check for rules in _RULES for check in rules.get(kind, ())),
    )


_UNIONS = ((UNIONS, False), (OPTIONAL_UNIONS, True))
_ADDRESSES: Mapping[str, tuple[str, ...]] = {"HostAlias": ("ip",), "PodDNSConfig": ("nameservers",)}


def _fields(table: Mapping[str, Any], kind: str) -> Iterator[tuple[str, tuple[str, ...], Any]]:
    """Yield the rows of a type: (field, the values that count as absent, rule)."""
    for key, rule in table.items():
        owner, field = key.split(".")
        if owner == kind:
            yield field, (() if key in NEVER_EMPTY else ("",)), rule


def _values(
    value: Object, field: str, path: str, type_: type, absent: tuple[str, ...] = ("",)
) -> Iterator[tuple[str, Any]]:
    """Yield the value of a field, or the items of a list, with their paths. Unknown and absent values are left out."""
    found, where = value.get(field), at(path, field)
    parts = [(f"{where}[{i}]", item) for i, item in enumerate(found)] if isinstance(found, list) else [(where, found)]
    for place, item in parts:
        left_out = not isinstance(found, list) and item in absent
        if isinstance(item, type_) and not isinstance(item, bool | Unknown) and not left_out:
            yield place, item


def _required(field: str) -> Check:
    def check(value: Object, path: str) -> Iterator[Finding]:
        if value.get(field) in (None, "", []):
            yield required(at(path, field))

    return check


def _one_of(fields: tuple[str, ...], *, optional: bool) -> Check:
    def check(value: Object, path: str) -> Iterator[Finding]:
        found = [field for field in fields if value.get(field) not in (None, "")]
        if not found and not optional:
            yield required(path, f"must specify one of: {', '.join(fields)}")
        elif len(found) > 1:
            yield forbidden(path, f"may not specify more than one of: {', '.join(found)}")

    return check


def _enum(field: str, supported: tuple[str, ...], absent: tuple[str, ...]) -> Check:
    def check(value: Object, path: str) -> Iterator[Finding]:
        for where, text in _values(value, field, path, str, absent):
            if text not in supported:
                yield unsupported(where, text, supported)

    return check


def _range(field: str, low: int, high: int) -> Check:
    octal = " (0777 in octal)" if high == 0o777 else ""  # noqa: PLR2004 - all permission bits

    def check(value: Object, path: str) -> Iterator[Finding]:
        for where, number in _values(value, field, path, int):
            if not low <= number <= high:
                yield invalid(where, number, f"must be between {low} and {high}{octal}, inclusive")

    return check


def _format(field: str, format_: Format, absent: tuple[str, ...]) -> Check:
    def check(value: Object, path: str) -> Iterator[Finding]:
        for where, text in _values(value, field, path, str, absent):
            if not format_.matches(text):
                yield invalid(where, text, format_.detail)

    return check


def _addresses(field: str) -> Check:
    def check(value: Object, path: str) -> Iterator[Finding]:
        for where, text in _values(value, field, path, str):
            if not _is_address(text):
                yield invalid(where, text, "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)")

    return check


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return "%" not in text
