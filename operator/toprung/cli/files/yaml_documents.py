"""Reads YAML as kubectl does, with the line of every field, in time and memory bounded by the text's length."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from toprung.cli.files.yaml_scalars import Scalar, key_text, resolve
from toprung.errors import TopRungError

MAX_DEPTH = 200
"""Levels of nesting; no manifest has as many."""
MAX_VALUES = 500_000
"""Values of a file, with those that aliases and merge keys repeat."""
_MAX_DIGITS = 10
_TAG = "tag:yaml.org,2002:"
_PARSER: Any = getattr(yaml, "CLoader", yaml.Loader)  # libyaml, from which kubectl's parser was translated
_MERGE = object()


@dataclass(slots=True)
class Place:
    """The line of a value in a text, and the places of the values inside it.

    Attributes:
        line: counted from 1; for a field that of its key.
        fields: of an object, by key; those of an alias or a merge are elsewhere and omitted.
        items: of a list.
    """

    line: int
    fields: dict[str, "Place"] = field(default_factory=dict)
    items: list["Place"] = field(default_factory=list)

    def below(self, path: str) -> tuple["Place", str] | None:
        """Return the place of the first value that a path such as `a.b[0]` leads to, and the rest of the path."""
        if path.startswith("["):
            inner, _, rest = path[1:].partition("]")
            if inner.isdecimal() and len(inner) < _MAX_DIGITS and int(inner) < len(self.items):
                return self.items[int(inner)], rest
            return (self.fields[inner], rest) if inner in self.fields else None
        path = path.removeprefix(".")
        fitting = (key for key in self.fields if path.startswith(key) and path[len(key) :][:1] in {"", ".", "["})
        key = max(fitting, key=len, default=None)  # keys may have dots
        return (self.fields[key], path[len(key) :]) if key is not None else None


@dataclass(frozen=True, slots=True)
class Document:
    """One document of a YAML file.

    Attributes:
        value: the content, as JSON types.
        place: its place.
    """

    value: Any
    place: Place

    def line(self, path: str) -> int:
        """Return the line of a field, as in ``spec.parameters[0].min``, or of the nearest one around it."""
        place = self.place
        while path and (found := place.below(path)) is not None:
            place, path = found
        return place.line

    def items(self) -> tuple["Document", ...]:
        """Return the objects of a List, such as the output of `kubectl get -o yaml`; of another object itself."""
        value = self.value
        if not (isinstance(value, dict) and str(value.get("kind")).endswith("List")):
            return (self,)
        found = value.get("items")
        values = found if isinstance(found, list) else []
        around = self.place.fields.get("items", self.place)
        places = around.items or [Place(around.line)] * len(values)  # an alias stands in one line
        return tuple(Document(value, place) for value, place in zip(values, places, strict=True))


class BadYaml(TopRungError):
    """A text is not YAML that Kubernetes' tools accept; `line` counts from 1."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line


def read_documents(text: str) -> tuple[Document, ...]:
    """Read every document of a YAML text; empty ones are left out.

    Raises:
        BadYaml: it is not YAML, or not JSON after aliases are resolved.
    """
    try:
        return tuple(_Builder(text).documents())
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise BadYaml(mark.line + 1 if mark else 1, _problem(error)) from error
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise BadYaml(line, f"is not YAML: {error.reason}. Remove the character.") from error
    except (yaml.YAMLError, ValueError) as error:
        raise BadYaml(1, f"is not YAML: {error}") from error


@dataclass(slots=True)
class _Builder:
    """Builds values from the parser's events, one level of calls for each level of nesting."""

    text: str
    anchors: dict[str, tuple[Any, int] | None] = field(default_factory=dict)
    count: int = 0
    depth: int = 0
    _events: Iterator[Any] = field(default_factory=lambda: iter(()))

    def documents(self) -> Iterator[Document]:
        self._events = yaml.parse(self.text, Loader=_PARSER)
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                self.anchors = {}
                first = next(self._events)
                place = Place(_line(first))
                value = self._node(first, place)
                if value is not None:
                    yield Document(value, place)

    def _node(self, event: Any, place: Place) -> Any:
        """Build the value that begins with an event at a place; `anchors` gets its number of values too."""
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event)
        before, anchor = self.count, event.anchor
        self._add(event, 1)
        if anchor is not None:
            self.anchors[anchor] = None
        if isinstance(event, yaml.ScalarEvent):
            value: Any = _scalar(event)
        else:
            self.depth += 1
            if self.depth > MAX_DEPTH:
                raise BadYaml(_line(event), f"is nested more than {MAX_DEPTH} levels deep. Remove the inner levels.")
            mapping = isinstance(event, yaml.MappingStartEvent)
            value = self._mapping(place) if mapping else self._sequence(place)
            self.depth -= 1
        if anchor is not None:
            self.anchors[anchor] = (value, self.count - before)
        return value

    def _add(self, event: Any, values: int) -> None:
        self.count += values
        if self.count > MAX_VALUES:
            raise BadYaml(_line(event), f"aliases and values are more than {MAX_VALUES:,} in all. Write fewer of them.")

    def _alias(self, event: Any) -> Any:
        name = event.anchor
        if name not in self.anchors:
            raise BadYaml(
                _line(event), f"no anchor &{name} stands before the alias *{name}. Add it, or write the value."
            )
        found = self.anchors[name]
        if found is None:
            raise BadYaml(_line(event), f"the alias *{name} stands inside its own anchor. Write the value out.")
        self._add(event, found[1])
        return found[0]

    def _sequence(self, place: Place) -> list[Any]:
        items: list[Any] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            place.items.append(Place(_line(event)))
            items.append(self._node(event, place.items[-1]))
        return items

    def _mapping(self, place: Place) -> dict[str, Any]:
        own: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        seen: dict[str, int] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            key, line = self._key(event), _line(event)
            if key is _MERGE:
                for source in self._merge_sources(next(self._events)):
                    merged |= {name: child for name, child in source.items() if name not in merged}
                continue
            if key in seen:
                raise BadYaml(line, f'"{key}" is there already, in line {seen[key]}. Remove one of them.')
            seen[key] = line
            place.fields[key] = Place(line)
            own[key] = self._node(next(self._events), place.fields[key])
        return {**{name: child for name, child in merged.items() if name not in own}, **own} if merged else own

    def _key(self, event: Any) -> Any:
        if isinstance(event, yaml.ScalarEvent) and event.implicit[0] and event.value == "<<":
            return _MERGE
        if isinstance(event, yaml.ScalarEvent | yaml.AliasEvent):
            value = self._node(event, Place(_line(event)))
            text = key_text(value) if not isinstance(value, list | dict) else None
            if text is not None:
                return text
        found = "a list" if isinstance(event, yaml.SequenceStartEvent) else "an object"
        found = "null" if isinstance(event, yaml.ScalarEvent) else found
        raise BadYaml(
            _line(event),
            f"is not YAML for Kubernetes: a key must be a string, not {found}. Render the template first if it is one.",
        )

    def _merge_sources(self, event: Any) -> list[dict[str, Any]]:
        value = self._node(event, Place(_line(event)))
        sources = value if isinstance(value, list) else [value]
        if not all(isinstance(source, dict) for source in sources):
            raise BadYaml(_line(event), "is not YAML: << merges objects only. Write an alias of an object.")
        return sources


def _scalar(event: Any) -> Scalar:
    tag = (event.tag or "").removeprefix(_TAG)
    if tag == "str" or (tag in {"", "!"} and not event.implicit[0]):
        return str(event.value)
    return resolve(event.value) if tag in {"", "bool", "int", "float", "null"} else str(event.value)


def _line(event: Any) -> int:
    line: int = event.start_mark.line
    return line + 1


def _problem(error: yaml.MarkedYAMLError) -> str:
    said = " ".join(part for part in (error.context, error.problem) if part)
    return f"is not YAML: {said}. Check the indentation, the quotes and the brackets here."
