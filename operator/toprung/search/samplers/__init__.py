"""The built-in samplers, by the name of their member in the Experiment's `algorithm`."""

from collections.abc import Callable, Mapping
from importlib import import_module
from types import MappingProxyType
from typing import Any

from toprung.api.errors import SearchFailed
from toprung.search.samplers.base import Sampler
from toprung.search.space import Space
from toprung.search.types import Problem

Make = Callable[[Any, Space, Any, Problem], Sampler]

MAKERS: Mapping[str, tuple[str, Make]] = MappingProxyType(
    {
        "random": ("uniform", lambda module, space, _, __: module.Uniform(space)),
        "grid": ("grid", lambda module, space, own, problem: module.Grid(space.gridded(own.points), problem.seed)),
        "qmc": ("qmc", lambda module, space, _, problem: module.Qmc(space, problem.seed)),
        "tpe": ("tpe", lambda module, space, own, problem: module.Tpe(space, own, problem.objectives)),
        "plugin": ("plugins", lambda module, space, own, problem: module.plugin(own, space, problem)),
        "gp": ("gp", lambda module, space, own, problem: module.Gp(space, own, problem.objectives)),
        "nsga2": ("nsga2", lambda module, space, own, problem: module.Nsga2(space, own, problem.objectives)),
        "cmaes": ("cmaes", lambda module, space, own, problem: module.CmaEs(space, own, problem.seed)),
    }
)
"""Member of `algorithm` -> module below this package, imported when it is needed, and how to make its sampler."""


def create(problem: Problem, space: Space) -> Sampler:
    """Make the sampler of an experiment.

    Raises:
        SearchFailed: it needs a package that is not there; the message says how to install it.
    """
    name = problem.algorithm.name
    module, make = MAKERS[name]
    try:
        imported = import_module(f"{__name__}.{module}")
    except ImportError as error:
        raise SearchFailed(
            f"spec.algorithm.{name}: {error.name or error} is not installed where the operator runs; "
            f"install it with pip install 'toprung[{name}]', in the image by --build-arg EXTRAS={name}, "
            "or write tpe: {}"
        ) from error
    return make(imported, space, getattr(problem.algorithm, name), problem)
