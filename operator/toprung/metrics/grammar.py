"""The grammar of a metric line: what is understood, and the line that is sure to be.

A line counts if it has a wanted metric, in one of these forms:
- a JSON object, at the start of the line or behind a log prefix: ``{"epoch": 3, "val_accuracy": 0.91}``. Numbers,
  numbers in strings, NaN and infinities count; nested objects, booleans and null do not.
- pairs anywhere in the line, with ``=`` alone: ``[epoch=3/10] val_accuracy=0.91, loss = nan``.
- where the experiment has a pattern, its matches alone: the groups `name` and `value` of each.

Colour codes are taken out. Of a line that overwrites itself by carriage returns (a progress bar) the last part that has
a wanted metric counts. Of several values of one metric in a line the first counts (in JSON the last, as readers do).
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import isfinite
from typing import Any

from toprung.api.experiment import ExperimentSpec
from toprung.api.patterns import compile_pattern
from toprung.metrics.types import Report

MAX_LINE = 64 * 1024
"""Bytes of a line that are looked at."""
MAX_PATTERN_LINE = 4 * 1024
"""Characters of a line that a user's pattern is searched in."""
MAX_STEP = 2**53
"""Steps are integers that JSON numbers carry exactly."""

_NUMBER = r"[-+]?(?:(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:e[-+]?[0-9]+)?|nan|inf(?:inity)?)"
_NUMBER_ALONE = re.compile(_NUMBER, re.IGNORECASE)
_ESCAPE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\^_])")
_DEFAULT_STEP_KEYS = ("step", "epoch", "iteration")


@dataclass(frozen=True)
class Grammar:
    """What to look for in the lines of one experiment's trials.

    Attributes:
        metrics: names that are wanted, the objective's first.
        step_keys: names of the step; the first that a line has is its step.
        pattern: an RE2 expression with the groups `name` and `value`, instead of JSON and pairs.

    Raises:
        ValueError: the pattern is none, or lacks a group.
    """

    metrics: tuple[str, ...]
    step_keys: tuple[str, ...] = _DEFAULT_STEP_KEYS
    pattern: str | None = None
    _pairs: re.Pattern[str] = field(init=False, repr=False, compare=False)
    _own: Any = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_pairs", _pairs_of((*self.metrics, *self.step_keys)))
        object.__setattr__(self, "_own", compile_pattern(self.pattern) if self.pattern is not None else None)


def grammar_for(spec: ExperimentSpec) -> Grammar:
    """Give the grammar of an experiment's lines; the step is what its early stopping calls the resource.

    Raises:
        ValueError: spec.metrics.stdout.pattern can't be used, which a valid experiment's can.
    """
    rule = spec.early_stopping.rule if spec.early_stopping is not None else None
    stdout = spec.metrics.stdout
    return Grammar(
        metrics=(spec.primary.metric, *spec.primary.additional_metrics),
        step_keys=(rule.resource,) if rule is not None else _DEFAULT_STEP_KEYS,
        pattern=stdout.pattern if stdout is not None else None,
    )


def parse_line(text: str, grammar: Grammar) -> Report | None:
    """Read one line; None where it has no wanted metric, or a step that is none."""
    if grammar.pattern is None and not any(name in text for name in grammar.metrics):
        return None
    for part in reversed(plain(text).split("\r")):
        found = _own_values(part, grammar) if grammar.pattern is not None else _values(part, grammar)
        values = {name: found[name] for name in grammar.metrics if name in found}
        if values:
            return _report(values, found, grammar)
    return None


def format_line(values: Mapping[str, float], *, step: int | None = None, step_name: str = "step") -> str:
    """Write a line that :func:`parse_line` reads back: JSON, with "nan", "inf" and "-inf" as strings, no line break."""
    head = {} if step is None else {step_name: step}
    return json.dumps({**head, **{name: value if isfinite(value) else str(value) for name, value in values.items()}})


def decode(line: bytes) -> str:
    """Give the text of a line, whatever its bytes are; one longer than MAX_LINE ends at the last whole word before."""
    if len(line) > MAX_LINE:
        line = line[:MAX_LINE].rstrip(bytes(range(0x21, 0x100)))
    return line.decode("utf-8", errors="replace")


def plain(text: str) -> str:
    """Take terminal escape sequences out."""
    return _ESCAPE.sub("", text) if "\x1b" in text else text


def _report(values: Mapping[str, float], found: Mapping[str, float], grammar: Grammar) -> Report | None:
    key = next((key for key in grammar.step_keys if key in found), None)
    if key is None:
        return Report(step=None, values=values)
    if not 0 <= found[key] <= MAX_STEP:
        return None
    return Report(step=int(found[key]), values=values)


def _values(part: str, grammar: Grammar) -> Mapping[str, float]:
    start = part.find("{")
    if start >= 0 and part.rstrip().endswith("}"):
        document = _json_object(part[start:])
        if document is not None and (not part[:start].strip() or not document.keys().isdisjoint(grammar.metrics)):
            return _first_of((name, _number(value)) for name, value in document.items())
    return _first_of((match[1], _number(match[2])) for match in grammar._pairs.finditer(part))  # noqa: SLF001 - same module


def _own_values(part: str, grammar: Grammar) -> Mapping[str, float]:
    matches = grammar._own.finditer(part[:MAX_PATTERN_LINE])  # noqa: SLF001 - same module
    return _first_of((match["name"], _number(match["value"])) for match in matches)


def _first_of(pairs: Iterable[tuple[str | None, float | None]]) -> Mapping[str, float]:
    found: dict[str, float] = {}
    for name, value in pairs:
        if name is not None and value is not None:
            found.setdefault(name, value)
    return found


def _json_object(text: str) -> dict[str, Any] | None:
    try:
        document = json.loads(text, parse_int=float)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def _number(value: Any) -> float | None:
    """Give the number that a JSON value or a matched text is; int is absent, for integers are read as floats."""
    if isinstance(value, float):
        return value
    if isinstance(value, str) and _NUMBER_ALONE.fullmatch(stripped := value.strip()):
        return float(stripped)
    return None


def _pairs_of(names: tuple[str, ...]) -> re.Pattern[str]:
    longest_first = sorted(names, key=len, reverse=True)
    name = "|".join(re.escape(name) for name in longest_first)
    end = r"[\"']?(?:[\s,;|)\]}%/>\x00]|\.?(?:\s|$))"
    return re.compile(rf"(?<![\w./:@-])({name})[ \t]*=[ \t]*[\"']?((?i:{_NUMBER}))(?={end})")
