"""The algorithms that suggest configurations, with their settings."""

from typing import Annotated, Any

from pydantic import Field

from toprung.api.v1alpha1.base import Model, OneOf


class RandomSettings(Model):
    """Random search: independent samples of the search space. It is the baseline for all other algorithms."""


class GridSettings(Model):
    """Grid search: every combination once, in random order. A range without step is divided into points."""

    points: Annotated[int, Field(ge=2, le=1000)] = 10
    """Number of values of a range without step, evenly spaced on its scale."""


class QmcSettings(Model):
    """Quasi-Monte Carlo: a scrambled Sobol sequence, which covers the search space more evenly than random search."""


class TpeSettings(Model):
    """Tree-structured Parzen estimator (Bergstra et al., 2011), multivariate, with a constant liar for running
    trials.
    """

    startup_trials: Annotated[int, Field(ge=0, le=10000)] = 10
    """Number of random trials before the first trial of the model."""
    ei_candidates: Annotated[int, Field(ge=1, le=10000)] = 12
    """Number of candidates whose expected improvement is compared for each suggestion."""


class GpSettings(Model):
    """Gaussian process with expected improvement (Matern 5/2, one length scale for each parameter). Use it for at most
    a few hundred expensive trials. Requires the extra `gp` of the operator.
    """

    startup_trials: Annotated[int, Field(ge=1, le=10000)] = 10
    """Number of random trials before the first trial of the model."""
    max_observations: Annotated[int, Field(ge=10, le=1000)] = 200
    """Number of trials that the model is fitted to: the best and the newest. Its time grows with the cube of this
    number."""


class CmaesSettings(Model):
    """CMA-ES (Hansen, 2016) for unconditional ranges and ordinal parameters. All other parameters are random."""

    population_size: Annotated[int | None, Field(ge=4, le=10000)] = None
    """Number of trials in a generation. Defaults to 4 + 3 ln(number of parameters)."""
    sigma: Annotated[float, Field(gt=0, le=1)] = 0.2
    """Standard deviation of the first generation, as a fraction of the range of each parameter."""


class Nsga2Settings(Model):
    """NSGA-II (Deb et al., 2002), a genetic algorithm for several objectives."""

    population_size: Annotated[int, Field(ge=2, le=10000)] = 16
    """Number of random trials before the first trial with parents, and number of trials that can be parents."""
    crossover_probability: Annotated[float, Field(ge=0, le=1)] = 0.9
    """Probability that a trial has two parents instead of one."""
    mutation_probability: Annotated[float | None, Field(ge=0, le=1)] = None
    """Probability that a parameter mutates. Defaults to 1 / (number of parameters)."""


class SamplerPlugin(Model):
    """A user-defined sampler, from the entry point group toprung.samplers."""

    name: Annotated[str, Field(min_length=1, max_length=128)]
    """Name of the entry point."""
    settings: Annotated[dict[str, Any], Field(max_length=64)] = Field(default_factory=dict)
    """Settings of the sampler. The sampler validates them."""


class Algorithm(OneOf):
    """The algorithm that suggests configurations. Set exactly one of its members."""

    seed: Annotated[int | None, Field(ge=0, le=2**31 - 1)] = None
    """Makes the suggestions reproducible. Defaults to a different seed for each Experiment."""
    random: RandomSettings | None = None
    grid: GridSettings | None = None
    qmc: QmcSettings | None = None
    gp: GpSettings | None = None
    cmaes: CmaesSettings | None = None
    nsga2: Nsga2Settings | None = None
    plugin: SamplerPlugin | None = None
    tpe: TpeSettings | None = None

    @property
    def sampler(self) -> str:
        """Return the path and name of the sampler, for messages: `spec.algorithm.plugin: local-searcher`."""
        return f"spec.algorithm.{self.name}: {self.plugin.name if self.plugin is not None else self.name}"
