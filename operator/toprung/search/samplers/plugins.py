"""Loads custom samplers from the entry point group `toprung.samplers`, in the search process only.

A package declares an entry point, and `algorithm: {plugin: {name: mine, settings: {...}}}` selects it:

    [project.entry-points."toprung.samplers"]
    mine = "my_package:make"

`make(space, settings, seed)` receives the search space, the `settings` of the Experiment, and its seed. It returns a
:class:`~toprung.search.samplers.base.Sampler`. It raises KeyError, TypeError or ValueError (pydantic's errors are
ValueErrors) if a setting is missing or invalid.
"""

from collections.abc import Callable, Mapping
from functools import cache
from importlib.metadata import entry_points
from typing import Any

from toprung.api.messages import did_you_mean, shown
from toprung.api.v1alpha1.algorithms import SamplerPlugin
from toprung.errors import SearchFailed
from toprung.search.samplers.base import Sampler
from toprung.search.space import Space
from toprung.search.types import Problem

GROUP = "toprung.samplers"
PATH = "spec.algorithm.plugin"

Factory = Callable[[Space, Mapping[str, Any], int], Sampler]


def plugin(wanted: SamplerPlugin, space: Space, problem: Problem) -> Sampler:
    """Build the sampler that a plug-in provides.

    Raises:
        SearchFailed: the plug-in is not installed, can't be loaded, or rejects its settings.
    """
    factory = load(wanted.name)
    try:
        return factory(space, wanted.settings, problem.seed)
    except KeyError as error:
        raise SearchFailed(f"{PATH}.settings: {wanted.name} refuses them: {error} is missing; write it") from error
    except (ValueError, TypeError) as error:
        raise SearchFailed(f"{PATH}.settings: {wanted.name} refuses them: {error}") from error


@cache
def load(name: str) -> Factory:
    """Import a plug-in.

    Raises:
        SearchFailed: the plug-in is not installed or can't be loaded.
    """
    found = {entry.name: entry for entry in entry_points(group=GROUP)}
    if name not in found:
        installed = did_you_mean(name, sorted(found)) if found else "Install the package that contains it."
        raise SearchFailed(
            f"{PATH}.name: {shown(name)} is not installed where the operator runs (entry points {GROUP}). {installed}"
        )
    try:
        factory: Factory = found[name].load()
    except Exception as error:
        raise SearchFailed(f"{PATH}.name: {shown(name)} can't be loaded: {type(error).__name__}: {error}") from error
    return factory
