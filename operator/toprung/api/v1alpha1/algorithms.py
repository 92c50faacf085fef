"""How configurations are proposed: one member of a union each, with typed settings."""

from typing import Annotated, Any

from pydantic import Field

from toprung.api.v1alpha1.base import Model, OneOf


class RandomSettings(Model):
    """Independent draws from the space; the baseline that everything must beat."""


class GridSettings(Model):
    """Every combination once, in an order shuffled by the seed; ranges need a step, or are cut in `points`."""

    points: Annotated[int, Field(ge=2, le=1000)] = 10
    """Into how many values a range without step is cut, evenly on its scale."""


class QmcSettings(Model):
    """A scrambled Sobol sequence: covers the space more evenly than random draws."""


class TpeSettings(Model):
    """Tree-structured Parzen estimator (Bergstra et al., 2011), multivariate, with a constant liar."""

    startup_trials: Annotated[int, Field(ge=0, le=10000)] = 10
    """How many trials are drawn at random before the model is used."""
    ei_candidates: Annotated[int, Field(ge=1, le=10000)] = 12
    """How many draws from the good trials' density are compared for each proposal."""


class GpSettings(Model):
    """Gaussian process with expected improvement (Matern 5/2, one length scale a parameter); for at most some hundreds
    of trials that are dear. Needs the extra `gp` beside the operator.
    """

    startup_trials: Annotated[int, Field(ge=1, le=10000)] = 10
    """How many trials are drawn at random before the model is used."""
    max_observations: Annotated[int, Field(ge=10, le=1000)] = 200
    """How many of the trials the model is fitted to, the best and the newest; its time grows with the cube of this."""


class CmaesSettings(Model):
    """CMA-ES (Hansen, 2016) for ranges and ordinal parameters that are always active; others are drawn at random."""

    population_size: Annotated[int | None, Field(ge=4, le=10000)] = None
    """How many trials make a generation; unset: 4 + 3 ln(number of parameters)."""
    sigma: Annotated[float, Field(gt=0, le=1)] = 0.2
    """Standard deviation of the first generation, as a share of each parameter's range."""


class Nsga2Settings(Model):
    """NSGA-II (Deb et al., 2002), a genetic algorithm for several objectives."""

    population_size: Annotated[int, Field(ge=2, le=10000)] = 16
    """How many trials are drawn at random before any has parents, and among how many parents it is chosen."""
    crossover_probability: Annotated[float, Field(ge=0, le=1)] = 0.9
    """How often a trial has two parents rather than one."""
    mutation_probability: Annotated[float | None, Field(ge=0, le=1)] = None
    """How often a parameter mutates; unset: 1 / (number of parameters)."""


class SamplerPlugin(Model):
    """A custom sampler, from the entry point group toprung.samplers."""

    name: Annotated[str, Field(min_length=1, max_length=128)]
    """Name of the entry point."""
    settings: Annotated[dict[str, Any], Field(max_length=64)] = Field(default_factory=dict)
    """What the sampler is to know; it checks them itself."""


class Algorithm(OneOf):
    """Exactly one of the members must be set."""

    seed: Annotated[int | None, Field(ge=0, le=2**31 - 1)] = None
    """Makes the proposals repeatable; without it every experiment has its own."""
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
        """Where it is written and what it is called, for messages: `spec.algorithm.plugin: local-searcher`."""
        return f"spec.algorithm.{self.name}: {self.plugin.name if self.plugin is not None else self.name}"
