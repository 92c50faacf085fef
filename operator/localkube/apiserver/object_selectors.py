"""Label and field selectors, parsed into predicates on objects."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from localkube.apiserver.errors import BadRequest

Predicate = Callable[[dict[str, Any]], bool]
Labels = dict[str, str]

_SET_BASED = re.compile(r"^(?P<key>[^\s!=,()]+)\s+(?P<op>in|notin)\s*\((?P<values>[^)]*)\)$")
_EQUALITY = re.compile(r"^(?P<key>[^\s!=,()]+)\s*(?P<op>==|!=|=)\s*(?P<value>[^\s,=!()]*)$")
_EXISTENCE = re.compile(r"^(?P<absent>!?)\s*(?P<key>[^\s!=,()]+)$")
_COMMA_OUTSIDE_PARENTHESES = re.compile(r",(?![^(]*\))")
_FIELD_TERM = re.compile(r"^(?P<path>[A-Za-z0-9_.\[\]'/-]+?)(?P<op>==|!=|=)(?P<value>.*)$")


@dataclass(frozen=True, slots=True)
class Requirement:
    """One term of a label selector: `key op values`, where op is in, notin, exists or absent."""

    key: str
    op: str
    values: frozenset[str] = frozenset()

    def holds(self, labels: Labels) -> bool:
        """Return whether the labels satisfy this term. As in Kubernetes, `notin` also holds where the key is missing."""
        if self.op == "in":
            return labels.get(self.key) in self.values
        if self.op == "notin":
            return labels.get(self.key) not in self.values
        return (self.key in labels) == (self.op == "exists")


def requirement(term: str) -> Requirement:
    """Parse one term such as `app=x`, `app!=x`, `app in (a, b)`, `app`, `!app`."""
    if match := _SET_BASED.match(term):
        return Requirement(match["key"], match["op"], frozenset(v.strip() for v in match["values"].split(",")))
    if match := _EQUALITY.match(term):
        return Requirement(match["key"], "notin" if match["op"] == "!=" else "in", frozenset([match["value"]]))
    if match := _EXISTENCE.match(term):
        return Requirement(match["key"], "absent" if match["absent"] else "exists")
    raise BadRequest(f"unable to parse requirement: {term!r} is not a label selector term")


def labels(selector: str) -> Predicate:
    """Return a predicate for a label selector. The empty selector matches all objects."""
    terms = [t.strip() for t in _COMMA_OUTSIDE_PARENTHESES.split(selector) if t.strip()]
    requirements = [requirement(term) for term in terms]
    return lambda obj: all(r.holds(obj["metadata"].get("labels") or {}) for r in requirements)


def value_at(obj: Any, path: str) -> str:
    """Return the value at a dotted path as selectors compare it: a string, empty where the path is missing."""
    for part in path.split("."):
        obj = obj.get(part) if isinstance(obj, dict) else None
    if obj is None:
        return ""
    return str(obj).lower() if isinstance(obj, bool) else str(obj)


def fields(selector: str, *, supported: frozenset[str], shown: str) -> Predicate:
    """Return a predicate for a field selector. Raises BadRequest for a path outside `supported`.

    `shown` is the resource as the error message names it.
    """
    terms: list[tuple[str, str, bool]] = []
    for term in filter(None, (t.strip() for t in selector.split(","))):
        match = _FIELD_TERM.match(term)
        if not match:
            raise BadRequest(f"invalid field selector {term!r}: expected path=value or path!=value")
        if match["path"] not in supported:
            raise BadRequest(f'Unable to find "{shown}" that match field selector: "{match["path"]}" not supported')
        terms.append((match["path"], match["value"], match["op"] != "!="))
    return lambda obj: all((value_at(obj, path) == value) == equal for path, value, equal in terms)
