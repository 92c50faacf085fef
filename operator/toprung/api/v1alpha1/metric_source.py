"""The source of a trial's metrics: spec.metrics of an Experiment."""

from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from toprung.api.patterns import compile_pattern, compile_patterns
from toprung.api.v1alpha1.base import Model, OneOf
from toprung.api.v1alpha1.cross_field import CrossFieldRule
from toprung.errors import FieldError

_GROUPS = ("(?P<name>", "(?P<value>")
_GROUPS_FIX = r"Use groups as in (?P<name>\w+): (?P<value>[0-9.e+-]+|nan)."


def _has_groups(pattern: str) -> bool:
    return all(group in pattern for group in _GROUPS)


def _cel_has_groups(pattern: str) -> str:
    return " && ".join(f"{pattern}.contains('{group}')" for group in _GROUPS)


def _compile_errors(pattern: str | None, patterns: tuple[str, ...] | None) -> Iterator[FieldError]:
    """Compile the patterns; skipped where another rule is violated that comes first."""
    expressions = patterns or (() if pattern is None else (pattern,))
    if not all(map(_has_groups, expressions)):
        return
    for i, expression in enumerate(expressions):
        try:
            compile_pattern(expression)
        except ValueError as error:
            yield FieldError("pattern" if patterns is None else f"patterns[{i}]", str(error))
            return  # a pattern that is too large is slow to compile: one error is enough
    try:
        compile_patterns(expressions)
    except ValueError as error:
        yield FieldError("patterns", str(error))


class StdoutMetrics(Model):
    """Reads metrics from the lines that the program prints. See docs/metrics.md for the lines of each framework."""

    RULES: ClassVar[tuple[CrossFieldRule, ...]] = (
        CrossFieldRule(
            fields=("pattern",),
            cel=f"!has(self.pattern) || ({_cel_has_groups('self.pattern')})",
            holds=lambda pattern: pattern is None or _has_groups(pattern),
            message="must have the groups (?P<name>...) and (?P<value>...)",
            fix=_GROUPS_FIX,
        ),
        CrossFieldRule(
            fields=("patterns",),
            cel=f"!has(self.patterns) || self.patterns.all(p, {_cel_has_groups('p')})",
            holds=lambda patterns: all(map(_has_groups, patterns or ())),
            message="each pattern must have the groups (?P<name>...) and (?P<value>...)",
            fix=_GROUPS_FIX,
        ),
        CrossFieldRule(
            fields=("format", "pattern", "patterns"),
            path="",
            cel="(has(self.format) ? 1 : 0) + (has(self.pattern) ? 1 : 0) + (has(self.patterns) ? 1 : 0) <= 1",
            holds=lambda *ways: sum(way is not None for way in ways) <= 1,
            message="must have at most one of format, pattern and patterns",
            fix="Keep one of them.",
        ),
        CrossFieldRule(
            fields=("pattern", "patterns"),
            cel=None,
            no_cel="CEL can't compile a pattern, and does not know the size of the RE2 program",
            find_errors=_compile_errors,
            message="patterns must be RE2 expressions",
        ),
    )

    format: Literal["auto", "json"] | None = None
    """Format of the lines. auto: JSON objects, name=value, name: value, Python dicts, the lines of XGBoost and
    LightGBM, and tables with a header line. json: JSON objects only. Defaults to auto."""
    pattern: Annotated[str | None, Field(max_length=1024)] = None
    """A custom format. It is equivalent to patterns with one item."""
    patterns: Annotated[
        tuple[Annotated[str, Field(min_length=1, max_length=1024)], ...] | None, Field(min_length=1, max_length=8)
    ] = None
    """Custom formats, which replace format. Each is an RE2 expression with the groups name and value, and optionally
    step. Every line is searched with every expression."""

    @property
    def all_patterns(self) -> tuple[str, ...]:
        """Return the custom formats of pattern or patterns."""
        return self.patterns or (() if self.pattern is None else (self.pattern,))


class Metrics(OneOf):
    """The source of the metrics. Exactly one member must be set."""

    stdout: StdoutMetrics | None = None
