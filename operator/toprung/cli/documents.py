"""YAML as Kubernetes' tools read it, with the line of every field."""

import re
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from toprung.api.errors import TopRungError

_TIMESTAMP = "tag:yaml.org,2002:timestamp"
_FLOAT = "tag:yaml.org,2002:float"


@dataclass(frozen=True, slots=True)
class Document:
    """One document of a YAML file.

    Attributes:
        value: what it holds, as JSON would.
        lines: field path, as in ``spec.parameters[0].min`` -> line, counted from 1; "" is the document itself.
    """

    value: Any
    lines: Mapping[str, int]

    def line(self, path: str) -> int:
        """Give the line of a field, or of the nearest one around it that is there."""
        while path and path not in self.lines:
            path = path[: max(path.rfind("."), path.rfind("["), 0)]
        return self.lines[path]


class BadYaml(TopRungError):
    """A text is not YAML, or says a key twice; `line` counts from 1."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line


class _Loader(yaml.SafeLoader):
    """YAML 1.1 as Go's libraries have it: 1e-5 is a number, and a date is a text."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != _TIMESTAMP]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(_FLOAT, re.compile(r"^[-+]?[0-9]+[eE][-+]?[0-9]+$"), list("-+0123456789"))


def read_documents(text: str) -> tuple[Document, ...]:
    """Read every document of a YAML text; empty ones are left out.

    Raises:
        BadYaml: it is not YAML, or a key is there twice in one mapping.
    """
    try:
        return tuple(_documents(_Loader(text)))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise BadYaml(mark.line + 1 if mark else 1, _problem(error)) from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise BadYaml(1, f"is not YAML: {error}") from error


def _documents(loader: _Loader) -> Iterator[Document]:
    while loader.check_node() and (node := loader.get_node()):
        lines = {"": node.start_mark.line + 1}
        _walk(node, "", lines, ())
        value = loader.construct_document(node)
        if value is not None:
            yield Document(value, lines)


def _walk(node: yaml.Node, path: str, lines: dict[str, int], above: tuple[int, ...]) -> None:
    """Note the line of every field, and refuse keys that are there twice; `above` breaks circles of aliases."""
    if id(node) in above:
        return
    above = (*above, id(node))
    if isinstance(node, yaml.SequenceNode):
        for i, item in enumerate(node.value):
            lines[f"{path}[{i}]"] = item.start_mark.line + 1
            _walk(item, f"{path}[{i}]", lines, above)
    if isinstance(node, yaml.MappingNode):
        seen: dict[Hashable, int] = {}
        for key, child in node.value:
            line = key.start_mark.line + 1
            if key.value in seen and isinstance(key, yaml.ScalarNode):
                raise BadYaml(line, f"{key.value!r} is there already, in line {seen[key.value]}; remove one of them")
            if isinstance(key, yaml.ScalarNode):
                seen[key.value] = line
            below = f"{path}.{key.value}" if path else str(key.value)
            lines[below] = line
            _walk(child, below, lines, above)


def _problem(error: yaml.MarkedYAMLError) -> str:
    said = " ".join(part for part in (error.context, error.problem) if part)
    return f"is not YAML: {said}; mend the indentation, quotes or brackets here"
