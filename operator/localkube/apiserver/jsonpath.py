"""The subset of Kubernetes' JSONPath that printer columns use: `.a.b`, `['a.b']`, `[0]`, `[*]`, `[?(@.type=="Ready")]`."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

Step = Callable[[Any], Iterator[Any]]

_TOKEN = re.compile(
    r"""\.?(?P<name>(?:\\.|[A-Za-z0-9_\-/$])+)
      | \[\s*(?P<quote>['"])(?P<quoted>.*?)(?P=quote)\s*\]
      | \[(?P<index>-?\d+)\]
      | (?P<all>\[\*\]|\.\*)
      | \[\?\(\s*@(?P<path>\.[^=!<>\s]+)\s*(?P<op>==|!=|<=|>=|<|>)\s*(?P<literal>.+?)\s*\)\]""",
    re.VERBOSE,
)
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "==": lambda a, b: bool(a == b),
    "!=": lambda a, b: bool(a != b),
    "<": lambda a, b: bool(a < b),
    "<=": lambda a, b: bool(a <= b),
    ">": lambda a, b: bool(a > b),
    ">=": lambda a, b: bool(a >= b),
}


def _member(name: str) -> Step:
    def step(value: Any) -> Iterator[Any]:
        if isinstance(value, dict) and name in value:
            yield value[name]

    return step


def _element(index: int) -> Step:
    def step(value: Any) -> Iterator[Any]:
        if isinstance(value, list) and -len(value) <= index < len(value):
            yield value[index]

    return step


def _every(value: Any) -> Iterator[Any]:
    if isinstance(value, dict | list):
        yield from value.values() if isinstance(value, dict) else value


def _chosen(path: str, op: str, literal: str) -> Step:
    wanted = json.loads('"' + literal[1:-1] + '"' if literal[0] in "'\"" else literal)

    def step(value: Any) -> Iterator[Any]:
        for item in value if isinstance(value, list) else ():
            found = find(path, item)
            if found and type(found[0]) is type(wanted) and _COMPARE[op](found[0], wanted):
                yield item

    return step


@lru_cache(maxsize=512)
def _steps(path: str) -> tuple[Step, ...]:
    steps: list[Step] = []
    position = 0
    while position < len(path):
        match = _TOKEN.match(path, position)
        if not match:
            raise ValueError(f"JSONPath {path!r} is not understood from {path[position:]!r} on")
        position = match.end()
        if match["name"]:
            steps.append(_member(re.sub(r"\\(.)", r"\1", match["name"])))
        elif match["quote"]:
            steps.append(_member(match["quoted"]))
        elif match["index"]:
            steps.append(_element(int(match["index"])))
        else:
            steps.append(_every if match["all"] else _chosen(match["path"], match["op"], match["literal"]))
    return tuple(steps)


def find(path: str, value: Any) -> list[Any]:
    """Return every value at a path. Braces around the path are optional. Raises ValueError for a path outside this
    subset.
    """
    values = [value]
    for step in _steps(path.strip("{}")):
        values = [found for value in values for found in step(value)]
    return values
