"""Substitutes the placeholders `${...}` of a trial's Pod template."""

import re
from collections.abc import Mapping
from typing import Any

from toprung.api.v1alpha1.base import ParameterValue

PLACEHOLDER = re.compile(r"\$\{((?:parameters|trial)\.[A-Za-z_][A-Za-z0-9_.-]*|resource)\}")
"""Only these are placeholders of TopRung: ${HOME} and $(VAR) are left to the shell and to Kubernetes."""


def format_parameter(value: ParameterValue) -> str:
    """Format a parameter's value as programs expect it on a command line: true, 64, 0.001, adam."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def substitute(node: Any, values: Mapping[str, str]) -> Any:
    """Replace the placeholders in every string of a JSON tree, keys excluded; those without a value become empty.

    A member of an object that is null is left out: to Kubernetes it is absent. The time is linear in the tree's size.

    Args:
        node: the tree; not changed.
        values: name between ${ and } -> replacement.
    """
    if isinstance(node, str):
        return PLACEHOLDER.sub(lambda match: values.get(match[1], ""), node)
    if isinstance(node, list):
        return [substitute(item, values) for item in node]
    if isinstance(node, dict):
        return {key: substitute(item, values) for key, item in node.items() if item is not None}
    return node
