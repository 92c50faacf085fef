"""Builds JSON merge patches (RFC 7386) of statuses; members that a patch does not mention stay."""

from collections.abc import Mapping
from typing import Any


def matches(there: object, wanted: object) -> bool:
    """Return whether a stored status has the desired content.

    None stands for absent; lists, and the objects inside the status, are compared whole. Fields of the status that are
    not mentioned may have any value.
    """
    if not (isinstance(there, Mapping) and isinstance(wanted, Mapping)):
        return _whole(there) == _whole(wanted)
    return all(_whole(there.get(name)) == _whole(value) for name, value in wanted.items())


def merge_patch(there: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Build the merge patch to the desired status; null removes members of nested objects."""
    return {name: _replacing(there.get(name), value) for name, value in wanted.items()}


def _replacing(there: Any, wanted: Any) -> Any:
    if not (isinstance(there, Mapping) and isinstance(wanted, Mapping)):
        return wanted
    gone = dict.fromkeys(there.keys() - wanted.keys())
    return gone | {name: _replacing(there.get(name), value) for name, value in wanted.items()}


def _whole(value: object) -> object:
    if isinstance(value, Mapping):
        return {name: _whole(inner) for name, inner in value.items() if inner is not None}
    return [_whole(each) for each in value] if isinstance(value, list) else value
