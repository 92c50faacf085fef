"""Builds the built-in samplers by the name of their member in the Experiment's `algorithm`."""

from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.util import find_spec
from types import MappingProxyType
from typing import Any

from toprung.api.v1alpha1.algorithms import Algorithm
from toprung.errors import SearchFailed
from toprung.search.samplers.base import Sampler
from toprung.search.space import Space
from toprung.search.types import Problem

Make = Callable[[Any, Space, Any, Problem], Sampler]

MAKERS: Mapping[str, tuple[str, Make]] = MappingProxyType(
    {
        "random": ("random", lambda module, space, _, __: module.Uniform(space)),
        "grid": ("grid", lambda module, space, own, problem: module.Grid(space.gridded(own.points), problem.seed)),
        "qmc": ("qmc", lambda module, space, _, problem: module.Qmc(space, problem.seed)),
        "tpe": ("tpe", lambda module, space, own, problem: module.Tpe(space, own, problem.objectives)),
        "plugin": ("plugins", lambda module, space, own, problem: module.plugin(own, space, problem)),
        "gp": ("gp", lambda module, space, own, problem: module.Gp(space, own, problem.objectives)),
        "nsga2": ("nsga2", lambda module, space, own, problem: module.Nsga2(space, own, problem.objectives)),
        "cmaes": ("cmaes", lambda module, space, own, problem: module.CmaEs(space, own, problem.seed)),
    }
)
"""Member of `algorithm` -> module of this package, imported on demand, and the factory of its sampler."""
_NEEDED: Mapping[str, tuple[str, ...]] = MappingProxyType({"gp": ("torch", "scipy")})
"""Packages beyond the operator's own dependencies."""


def create(problem: Problem, space: Space) -> Sampler:
    """Build the sampler of an experiment.

    Raises:
        SearchFailed: the sampler needs a package that is not installed; the message has the command to install it.
    """
    load(problem.algorithm)
    module, make = MAKERS[problem.algorithm.name]
    return make(
        import_module(f"{__name__}.{module}"), space, getattr(problem.algorithm, problem.algorithm.name), problem
    )


def startup(problem: Problem, space: Space) -> Sampler:
    """Build the sampler for the startup trials of a sampler that learns, without the packages of its model.

    Raises:
        SearchFailed: the sampler needs a package that is not installed.
    """
    name = problem.algorithm.name
    for package in _NEEDED.get(name, ()):
        if find_spec(package) is None:
            raise _missing(name, package)
    return import_module(f"{__name__}.random").Uniform(space)  # type: ignore[no-any-return]


def load(algorithm: Algorithm) -> None:
    """Import the modules that a sampler needs.

    Raises:
        SearchFailed: a package is not installed, or a plug-in can't be loaded.
    """
    name = algorithm.name
    try:
        imported = import_module(f"{__name__}.{MAKERS[name][0]}")
    except ImportError as error:
        raise _missing(name, error.name or str(error)) from error
    if algorithm.plugin is not None:
        imported.load(algorithm.plugin.name)


def _missing(name: str, package: str) -> SearchFailed:
    return SearchFailed(
        f"spec.algorithm.{name}: {package} is not installed where the operator runs; "
        f"install it with pip install '.[{name}]' in the repository of TopRung, in the image "
        f"by --build-arg EXTRAS={name}, or write tpe: {{}}"
    )
