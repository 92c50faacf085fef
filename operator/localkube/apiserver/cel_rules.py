"""Kubernetes' dialect of CEL for `x-kubernetes-validations`, on the package `common-expression-language`.

The package implements the language. This module adds the Kubernetes libraries that rules use (find, isSorted,
quantities) and the escaping of property names. See https://kubernetes.io/docs/reference/using-api/cel/.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import cel
from cel.stdlib import add_stdlib_to_context

from podspec import quantities

_RESERVED = frozenset(
    [
        "true",
        "false",
        "null",
        "in",
        "as",
        "break",
        "const",
        "continue",
        "else",
        "for",
        "function",
        "if",
        "import",
        "let",
        "loop",
        "package",
        "namespace",
        "return",
    ]
)
_SEPARATORS = {"__": "__underscores__", ".": "__dot__", "-": "__dash__", "/": "__slash__"}
_SEPARATOR = re.compile(r"__|[.\-/]")
_IDENTIFIER = re.compile(r"^[A-Za-z_][A-Za-z0-9_]*$")


def escape(name: str) -> str:
    """Return the name of a property in CEL: `namespace` is `__namespace__`, `a-b` is `a__dash__b`."""
    if name in _RESERVED:
        return f"__{name}__"
    if _IDENTIFIER.match(name) and "__" not in name:
        return name
    return _SEPARATOR.sub(lambda match: _SEPARATORS[match[0]], name)


def _is_quantity(text: Any) -> bool:
    try:
        quantities.parse(text)
    except ValueError:
        return False
    return True


def _find(text: str, pattern: str) -> str:
    match = re.search(pattern, text)
    return match[0] if match else ""


# In an expression a quantity is a double, which suffices to compare and to add.
_LIBRARY: dict[str, Callable[..., Any]] = {
    "find": _find,
    "findAll": lambda text, pattern: [match[0] for match in re.finditer(pattern, text)],
    "isSorted": lambda items: all(a <= b for a, b in pairwise(items)),
    "isQuantity": _is_quantity,
    "quantity": lambda text: float(quantities.parse(text)),
    "isGreaterThan": lambda a, b: a > b,
    "isLessThan": lambda a, b: a < b,
    "compareTo": lambda a, b: (a > b) - (a < b),
}


def _context() -> cel.Context:
    context = cel.Context()
    add_stdlib_to_context(context)
    for name, function in _LIBRARY.items():
        context.add_function(name, function)
    return context


_CONTEXT = _context()


class RuleError(Exception):
    """A rule that cannot be evaluated on an object."""


def _evaluate(program: cel.Program) -> Any:
    try:
        return program.execute(_CONTEXT)
    except KeyError as error:
        raise RuleError(f"no such key: {error.args[0]}") from error
    except (TypeError, ValueError, RuntimeError, ArithmeticError, LookupError) as error:
        raise RuleError(str(error)) from error


@dataclass(frozen=True, slots=True)
class CelRule:
    """One compiled entry of `x-kubernetes-validations`.

    A rule that reads `oldSelf` is a transition rule. It is skipped where there is no old value, unless `optional_old`
    makes `oldSelf` an optional.
    """

    source: str
    program: cel.Program
    message: str
    message_program: cel.Program | None
    reason: str
    field_path: str
    optional_old: bool
    transition: bool

    def applies(self, *, has_old: bool) -> bool:
        """Return whether the rule can be evaluated, depending on whether the field had a value before."""
        return has_old or self.optional_old or not self.transition

    def failure(self) -> str | None:
        """Return the reason why the rule rejects the bound values, None where it accepts them."""
        try:
            if _evaluate(self.program) is True:
                return None
        except RuleError as error:
            return f"{error} evaluating rule: {self.message or self.source}"
        return self._message()

    def _message(self) -> str:
        if self.message_program is not None:
            try:
                text = _evaluate(self.message_program)
            except RuleError:
                text = ""
            if isinstance(text, str) and text.strip() and "\n" not in text:
                return text.strip()
        return self.message or f"failed rule: {self.source}"


def failures(rules: Sequence[CelRule], value: Any, old: Any) -> list[tuple[CelRule, str]]:
    """Return the rules that reject a value, each with its message; `old` is None where the field had no value.

    The values are bound once for all rules: converting a large object to CEL costs more than most rules.
    """
    _CONTEXT.add_variable("self", value)
    found = []
    for optional in (False, True):
        chosen = [rule for rule in rules if rule.optional_old == optional]
        if any(rule.transition for rule in chosen):
            absent = cel.OptionalValue.none() if old is None else cel.OptionalValue.of(old)
            _CONTEXT.add_variable("oldSelf", absent if optional else old)
        found += [(rule, message) for rule in chosen if (message := rule.failure()) is not None]
    return sorted(found, key=lambda refusal: rules.index(refusal[0]))


def compile_rule(source: dict[str, Any]) -> CelRule:
    """Compile an entry of `x-kubernetes-validations`. Raises ValueError for invalid CEL."""
    program = cel.compile(source["rule"])
    text = source.get("messageExpression", "")
    return CelRule(
        source=source["rule"].strip(),
        program=program,
        message=source.get("message", "").strip(),
        message_program=cel.compile(text) if text else None,
        reason=source.get("reason", "FieldValueInvalid"),
        field_path=source.get("fieldPath", ""),
        optional_old=bool(source.get("optionalOldSelf", False)),
        transition="oldSelf" in program.variables(),
    )
