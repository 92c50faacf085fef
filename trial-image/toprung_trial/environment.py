"""Reads the environment variables that the operator sets in a trial."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any


class TrialError(Exception):
    """The program can't run as a trial with what it was given; the message says what to set."""


def parameters(default: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The configuration to train with: parameter name -> value, with the types of the Experiment.

    A conditional parameter that is not active is absent.

    Args:
        default: what to return where the program is run by hand, outside of a trial.

    Raises:
        TrialError: TOPRUNG_PARAMETERS is not a JSON object, or it is unset and there is no default.
    """
    text = os.environ.get("TOPRUNG_PARAMETERS")
    if text is not None:
        return _json_object(text)
    if default is not None:
        return dict(default)
    raise TrialError(
        "TOPRUNG_PARAMETERS is not set, so this is no trial of an Experiment; to run the program by hand, "
        'write parameters(default={"lr": 0.01}) or set TOPRUNG_PARAMETERS=\'{"lr": 0.01}\''
    )


def resource() -> int | None:
    """Train up to and including this epoch, counted from 1; None where the Experiment sets no budget.

    Raises:
        TrialError: TOPRUNG_RESOURCE is not a whole number of at least 1.
    """
    text = os.environ.get("TOPRUNG_RESOURCE")
    if text is None:
        return None
    if not text.isdecimal() or int(text) < 1:
        raise TrialError(f"TOPRUNG_RESOURCE is {text!r}; it must be a whole number of at least 1, such as 9")
    return int(text)


def trial() -> str | None:
    """The name of the Trial, such as mnist-37; None where the program is run by hand."""
    return os.environ.get("TOPRUNG_TRIAL")


def checkpoint_dir() -> str | None:
    """The trial's own folder for checkpoints; None where the Experiment keeps none."""
    return os.environ.get("TOPRUNG_CHECKPOINT_DIR") or None


def _json_object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError as error:
        raise TrialError(f"TOPRUNG_PARAMETERS is {text!r}, which is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise TrialError(f'TOPRUNG_PARAMETERS is {text!r}; it must be a JSON object, such as {{"lr": 0.01}}')
    return value
