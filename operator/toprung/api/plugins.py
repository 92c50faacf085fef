"""Loads plug-ins: factories of samplers and early-stopping rules that other packages offer by entry points."""

from functools import cache
from importlib.metadata import entry_points
from typing import Any

from toprung.api.messages import did_you_mean, shown


class PluginError(Exception):
    """A plug-in cannot be used.

    Attributes:
        field: field of the plug-in in the Experiment: name or settings.
    """

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


@cache
def load_plugin(group: str, name: str) -> Any:
    """Import the factory of a plug-in.

    Raises:
        PluginError: the plug-in is not installed or can't be loaded.
    """
    found = {entry.name: entry for entry in entry_points(group=group)}
    if name not in found:
        installed = did_you_mean(name, sorted(found)) if found else "Install the package that contains it."
        raise PluginError(
            "name", f"{shown(name)} is not installed where the operator runs (entry points {group}). {installed}"
        )
    try:
        return found[name].load()
    except Exception as error:
        raise PluginError("name", f"{shown(name)} can't be loaded: {type(error).__name__}: {error}") from error


def create_plugin(group: str, name: str, *arguments: object) -> Any:
    """Return the object that the factory of a plug-in makes of the arguments, which include its settings.

    Raises:
        PluginError: the plug-in is not installed, can't be loaded, or rejects its settings.
        Exception: any other error of the factory.
    """
    factory = load_plugin(group, name)
    try:
        return factory(*arguments)
    except KeyError as error:
        raise PluginError("settings", f"Required value: {error}. Set it in settings.") from error
    except (ValueError, TypeError) as error:
        raise PluginError("settings", f"Invalid value: {error}") from error
