"""Rules of a user's own, found by the entry point group `toprung.stoppers`.

A package offers one so, and then `earlyStopping: {plugin: {name: mine, settings: {...}}}` names it:

    [project.entry-points."toprung.stoppers"]
    mine = "my_package:make"

`make(settings, seed)` gets what the Experiment has under `settings`, and the experiment's seed; it gives a
:class:`~toprung.stopping.types.Stopper` without records, and raises KeyError, TypeError or ValueError (pydantic's are)
where a setting is missing or wrong.
"""

from collections.abc import Callable, Mapping
from functools import cache
from importlib.metadata import entry_points
from typing import Any

from toprung.api.errors import Fault, InvalidExperiment
from toprung.api.stoppers import StopperPlugin
from toprung.api.wording import did_you_mean, shown
from toprung.stopping.types import Stopper

GROUP = "toprung.stoppers"
PATH = "spec.earlyStopping.plugin"

Factory = Callable[[Mapping[str, Any], int], Stopper]


def plugin(wanted: StopperPlugin, seed: int, *, checkpoint: bool) -> Stopper:
    """Build the rule that a plug-in provides.

    Raises:
        InvalidExperiment: it is not installed or can't be loaded, refuses its settings, or needs a checkpoint.
    """
    factory = _load(wanted.name)
    try:
        stopper = factory(wanted.settings, seed)
    except KeyError as error:
        raise invalid("settings", f"{wanted.name} refuses them: {error} is missing; write it") from error
    except (ValueError, TypeError) as error:
        raise invalid("settings", f"{wanted.name} refuses them: {error}") from error
    if stopper.pauses and not checkpoint:
        raise invalid("name", f"{wanted.name} pauses trials, which go on from checkpoints; set spec.checkpoint")
    return stopper


@cache
def _load(name: str) -> Factory:
    found = {entry.name: entry for entry in entry_points(group=GROUP)}
    if name not in found:
        installed = did_you_mean(name, sorted(found)) if found else "none is; install the package that has it"
        raise invalid("name", f"{shown(name)} is not installed where this runs (entry points {GROUP}); {installed}")
    try:
        factory: Factory = found[name].load()
    except Exception as error:
        raise invalid("name", f"{shown(name)} can't be loaded: {type(error).__name__}: {error}") from error
    return factory


def invalid(field: str, message: str) -> InvalidExperiment:
    """Give the error for a rule of a user's own that can't be used."""
    return InvalidExperiment((Fault(f"{PATH}.{field}", message),))
