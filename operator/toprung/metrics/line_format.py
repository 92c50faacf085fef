"""Parses metric lines in all formats, for the names of the metrics of an experiment.

The parser looks only for the names of the experiment's metrics. A line counts if it has one of them in a format of
:mod:`json_lines`, :mod:`name_value` or :mod:`tables`, or in a match of a custom pattern
(:mod:`custom`), which then replaces the other formats. Terminal escape sequences are removed. Several values
of one metric in a line do not count (in JSON the last does, as for other readers).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from toprung.api.v1alpha1.experiment import ExperimentSpec
from toprung.metrics.custom import CustomReader
from toprung.metrics.json_lines import parse_json, split_objects
from toprung.metrics.line_contents import LineContents
from toprung.metrics.name_value import PairReader
from toprung.metrics.quoting import is_command
from toprung.metrics.tables import TableReader
from toprung.metrics.types import DEFAULT_STEP_NAMES, EPOCH, MAX_STEP, Report

MAX_TEXT = 32 * 1024
"""Maximum number of bytes to parse of a line, or of a part of a line that overwrites itself: its last ones."""
_ESCAPE = re.compile(r"\x1b(?:\[[0-?]{0,32}+[ -/]{0,8}+[@-~]|\][^\x07\x1b]{0,256}+(?:\x07|\x1b\\)|[@-Z\\^_])")
_RANK = re.compile(
    r"\s*+\[(?:(?!(?i:step|epoch|iter|batch|fold|seed))[A-Za-z][A-Za-z_-]{0,32}+)?[0-9]{1,6}+(?:,[0-9]{1,6}+)?\]"
    r"(?:<std(?:out|err)>)?:"
)
"""What torchrun and mpirun put in front of the lines of a process: `[default0]:`, `[rank0]:`, `[1,0]<stdout>:`."""


@dataclass(frozen=True)
class LineFormat:
    """The metrics, steps and formats of one experiment's lines.

    Attributes:
        metrics: names of the metrics, the objective first.
        step_names: names of the step; the first that a line has is its step.
        format: auto reads all formats, json reads JSON objects only.
        patterns: RE2 expressions that replace the formats.
    """

    metrics: tuple[str, ...]
    step_names: tuple[str, ...] = DEFAULT_STEP_NAMES
    format: Literal["auto", "json"] = "auto"
    patterns: tuple[str, ...] = ()


def line_format_for(spec: ExperimentSpec) -> LineFormat:
    """Return the line format of an experiment; the step is the resource of its early stopping."""
    rule = spec.early_stopping.rule if spec.early_stopping is not None else None
    stdout = spec.metrics.stdout
    return LineFormat(
        metrics=(spec.primary_objective.metric, *spec.primary_objective.additional_metrics),
        step_names=(rule.resource,) if rule is not None else DEFAULT_STEP_NAMES,
        format=stdout.format or "auto" if stdout is not None else "auto",
        patterns=stdout.all_patterns if stdout is not None else (),
    )


class LineParser:
    """Parses the lines of one log in their order.

    The header of a table applies to the lines after it, and so does a step to lines that have none.

    Raises:
        ValueError: a pattern cannot be used; those of a valid experiment can.
    """

    def __init__(self, line_format: LineFormat) -> None:
        self._format = line_format
        self._steps = tuple(dict.fromkeys((*line_format.step_names, EPOCH)))
        steps = tuple(dict.fromkeys((*self._steps, *DEFAULT_STEP_NAMES)))
        self._names = frozenset((*line_format.metrics, *steps))
        self._pairs = PairReader(line_format.metrics, steps)
        self._table = TableReader(line_format.metrics, self._names)
        self._custom = CustomReader(line_format.patterns, line_format.step_names[0]) if line_format.patterns else None
        self._epoch = next((name for name in self._steps if name.lower() == EPOCH), EPOCH)
        self._lowered = tuple(name.lower() for name in line_format.metrics)
        self._heading: Mapping[str, float] = {}
        self._context: Mapping[str, float] = {}
        self._reported: frozenset[str] = frozenset()

    def parse(self, text: str) -> Report | None:
        """Parse one line, or one part of a line that overwrites itself. Return None if it has none of the metrics."""
        found = self._found(plain(text))
        if found is None:
            return None
        values = {name: found.values[name] for name in self._format.metrics if name in found.values}
        rejected = {name: found.rejected[name] for name in self._format.metrics if name in found.rejected}
        if not values and not rejected and not found.ambiguous:
            return None
        steps: Mapping[str, float] = {name: found.values[name] for name in self._steps if name in found.values}
        bad = {name: text for name, text in found.rejected.items() if name in self._steps}
        bad |= {name: f"{name}={step:g}" for name, step in steps.items() if not 0 <= step <= MAX_STEP}
        steps = {name: step for name, step in steps.items() if name not in bad}
        if not bad:
            steps = self._with_context(steps, frozenset((*values, *rejected)))
        other = self._other_step(found) if steps.keys().isdisjoint(self._format.step_names) else ""
        return Report(values, steps, rejected, bad, found.ambiguous, other, restarts=found.restarts)

    def _other_step(self, found: LineContents) -> str:
        others = (name for name in DEFAULT_STEP_NAMES if name not in self._format.step_names)
        return next((f"{name}={found.values[name]:g}" for name in others if name in found.values), "")

    def _with_context(self, steps: Mapping[str, float], metrics: frozenset[str]) -> Mapping[str, float]:
        """Return the steps of a line: its own with the epoch of a heading, else those of a line before.

        A heading applies to all lines up to the next step. The step of a line with metrics applies to a line with
        other metrics only, once for each: a line that repeats a metric without its step may be a summary.
        """
        if steps:
            if self._epoch in steps:
                self._heading = {}
            steps = {**steps, **self._heading}
            self._context, self._reported = steps, metrics
        elif self._heading and self._context == self._heading:
            return self._heading
        elif metrics.isdisjoint(self._reported):
            self._reported |= metrics
            return self._context
        return steps

    def split(self, text: str) -> list[str]:
        """Return the JSON objects of a line that has several, else the line."""
        return [text] if self._custom is not None else split_objects(text)

    def first_metric(self, text: str, start: int) -> str:
        """Return the beginning of the first report at or behind `start`, for messages; "" where there is none."""
        if self._custom is not None:
            at = min((at for name in self._format.metrics if (at := text.find(name, start)) >= 0), default=-1)
        else:
            at = self._pairs.find(text, start)
        return plain(text[at : at + 64]) if at >= 0 else ""

    def names_a_metric(self, text: str) -> bool:
        """Return whether a line has the name of a metric at all."""
        return any(name in text for name in self._format.metrics)

    def resembles_a_metric(self, text: str) -> bool:
        """Return whether a line has the name of a metric in upper or lower case."""
        lowered = text.lower()
        return any(name in lowered for name in self._lowered)

    def _found(self, text: str) -> LineContents | None:
        if self._custom is not None:
            return self._custom.parse(text)
        text = _without_rank(text)
        named = self.names_a_metric(text) and not is_command(text)
        if named and (found := parse_json(text, self._names, self._steps)) is not None:
            self._table.interrupt()
            return found
        if self._format.format == "json":
            return None
        found = self._pairs.parse(text) if named else LineContents()
        if found.values or found.rejected or found.ambiguous:
            self._table.interrupt()
            return found
        return None if named and self._table.read_header(text) else self._other_line(text)

    def _other_line(self, text: str) -> LineContents | None:
        if (heading := self._pairs.heading(text)) is not None:
            self._heading = self._context = {self._epoch: heading}
            self._reported = frozenset()
        return self._table.parse(text)


def decode(line: bytes) -> str:
    """Return the text of a line; invalid bytes raise no error."""
    return line.decode("utf-8", errors="replace")


def _without_rank(text: str) -> str:
    prefix = _RANK.match(text)
    return text[prefix.end() :] if prefix else text


def plain(text: str) -> str:
    """Remove terminal escape sequences."""
    return _ESCAPE.sub("", text) if "\x1b" in text else text
