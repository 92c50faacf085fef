"""Reads the environment variables that the operator sets in a trial."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any


class TrialError(Exception):
    """The program can't run as a trial in its environment. The message states what to set."""


def parameters(default: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return the configuration to train with: parameter name -> value, with the types of the Experiment.

    A conditional parameter that is not active is absent.

    Args:
        default: the configuration if the program runs outside of a trial.

    Raises:
        TrialError: TOPRUNG_PARAMETERS is not a JSON object, or it is unset and there is no default.
    """
    text = os.environ.get("TOPRUNG_PARAMETERS")
    if text is not None:
        return _json_object(text)
    if default is not None:
        return dict(default)
    raise TrialError(
        "TOPRUNG_PARAMETERS is not set, so the program does not run in a trial. Outside of a trial, "
        'write parameters(default={"lr": 0.01}) or set TOPRUNG_PARAMETERS=\'{"lr": 0.01}\'.'
    )


def resource() -> int | None:
    """Return the last epoch to train, counted from 1; None if the Experiment sets no budget.

    Raises:
        TrialError: TOPRUNG_RESOURCE is not an integer of at least 1.
    """
    text = os.environ.get("TOPRUNG_RESOURCE")
    if text is None:
        return None
    if not text.isdecimal() or int(text) < 1:
        raise TrialError(f"TOPRUNG_RESOURCE: Invalid value: {text!r}: must be an integer of at least 1, such as 9.")
    return int(text)


def trial() -> str | None:
    """Return the name of the Trial, such as mnist-37; None outside of a trial."""
    return os.environ.get("TOPRUNG_TRIAL")


def checkpoint_dir() -> str | None:
    """Return the folder of the trial for checkpoints; None if the Experiment has none."""
    return os.environ.get("TOPRUNG_CHECKPOINT_DIR") or None


def _json_object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError as error:
        raise TrialError(f"TOPRUNG_PARAMETERS: Invalid value: {text!r}: is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise TrialError(f'TOPRUNG_PARAMETERS: Invalid value: {text!r}: must be a JSON object, such as {{"lr": 0.01}}.')
    return value
