"""The built-in samplers, by the name of their member in the Experiment's `algorithm`."""

from toprung.api.algorithms import Algorithm
from toprung.search.samplers.base import Sampler
from toprung.search.space import Space


def create(algorithm: Algorithm, space: Space, seed: int) -> Sampler:
    """Make the sampler of an experiment; what it does not need is not imported."""
    if algorithm.grid is not None:
        from toprung.search.samplers.grid import Grid  # noqa: PLC0415

        return Grid(space.gridded(algorithm.grid.points), seed)
    if algorithm.qmc is not None:
        from toprung.search.samplers.qmc import Qmc  # noqa: PLC0415 - numpy and scipy

        return Qmc(space, seed)
    if algorithm.tpe is not None:
        from toprung.search.samplers.tpe import Tpe  # noqa: PLC0415 - optuna

        return Tpe(space, algorithm.tpe)
    from toprung.search.samplers.uniform import Uniform  # noqa: PLC0415

    return Uniform(space)
