"""Loads custom samplers from the entry point group `toprung.samplers`, in the search process only.

A package declares an entry point, and `algorithm: {plugin: {name: mine, settings: {...}}}` selects it:

    [project.entry-points."toprung.samplers"]
    mine = "my_package:make"

`make(space, settings, seed)` receives the search space, the `settings` of the Experiment, and its seed. It returns a
:class:`~toprung.search.samplers.base.Sampler`. It raises KeyError, TypeError or ValueError (pydantic's errors are
ValueErrors) if a setting is missing or invalid.
"""

from toprung.api.plugins import PluginError, create_plugin, load_plugin
from toprung.api.v1alpha1.algorithms import SamplerPlugin
from toprung.errors import SearchFailed
from toprung.search.samplers.base import Sampler
from toprung.search.space import Space
from toprung.search.types import Problem

GROUP = "toprung.samplers"
PATH = "spec.algorithm.plugin"


def plugin(configured: SamplerPlugin, space: Space, problem: Problem) -> Sampler:
    """Build the sampler that a plug-in provides.

    Raises:
        SearchFailed: the plug-in is not installed, can't be loaded, or rejects its settings.
    """
    try:
        sampler: Sampler = create_plugin(GROUP, configured.name, space, configured.settings, problem.seed)
    except PluginError as error:
        raise SearchFailed(f"{PATH}.{error.field}: {error}") from error
    return sampler


def load(name: str) -> None:
    """Import a plug-in.

    Raises:
        SearchFailed: the plug-in is not installed or can't be loaded.
    """
    try:
        load_plugin(GROUP, name)
    except PluginError as error:
        raise SearchFailed(f"{PATH}.{error.field}: {error}") from error
