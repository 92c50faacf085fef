"""Names and labels of everything the operator makes; deterministic, so that a second try finds the first."""

import re

from toprung.api.v1alpha1.base import GROUP

LABEL_EXPERIMENT = f"{GROUP}/experiment"
LABEL_TRIAL = f"{GROUP}/trial"
LABEL_INDEX = f"{GROUP}/index"
LABEL_ATTEMPT = f"{GROUP}/attempt"
MANAGED_BY = ("app.kubernetes.io/managed-by", "toprung")
MAX_EXPERIMENT_NAME = 48
"""Longest name of an Experiment: what is left of a Pod's 63 after -<index>-<attempt>."""

EXPERIMENT_NAME = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
"""A DNS label: Pods and label values are named after it."""


def trial_name(experiment: str, index: int) -> str:
    """The Trial of that index."""
    return f"{experiment}-{index}"


def pod_name(trial: str, attempt: int) -> str:
    """The Pod of that attempt, which counts from 1."""
    return f"{trial}-{attempt}"


def parameter_variable(parameter: str) -> str:
    """Name the environment variable of a parameter: learning-rate -> TOPRUNG_PARAMETER_LEARNING_RATE."""
    return "TOPRUNG_PARAMETER_" + re.sub(r"[^A-Za-z0-9]", "_", parameter).upper()
