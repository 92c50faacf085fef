"""Defines the names and labels of the objects that the operator creates. Names are deterministic, so that a retry finds
an object that already exists.
"""

import re

from toprung.api.v1alpha1.base import GROUP

LABEL_EXPERIMENT = f"{GROUP}/experiment"
LABEL_TRIAL = f"{GROUP}/trial"
LABEL_INDEX = f"{GROUP}/index"
LABEL_ATTEMPT = f"{GROUP}/attempt"
MANAGED_BY = ("app.kubernetes.io/managed-by", "toprung")
MAX_EXPERIMENT_NAME = 48
"""Characters of an Experiment's name. A Pod's name has 63, which include -<index>-<attempt>."""

EXPERIMENT_NAME = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
"""A DNS label, because it is part of Pod names and label values."""


def trial_name(experiment: str, index: int) -> str:
    """Return the name of the Trial with an index."""
    return f"{experiment}-{index}"


def pod_name(trial: str, attempt: int) -> str:
    """Return the name of the Pod of an attempt; attempts count from 1."""
    return f"{trial}-{attempt}"


def parameter_variable(parameter: str) -> str:
    """Return the environment variable of a parameter: learning-rate -> TOPRUNG_PARAMETER_LEARNING_RATE."""
    return "TOPRUNG_PARAMETER_" + re.sub(r"[^A-Za-z0-9]", "_", parameter).upper()
