"""How configurations are proposed: one member of a union each, with typed settings."""

from typing import Annotated

from pydantic import Field

from toprung.api.base import Model, OneOf


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
    candidates: Annotated[int, Field(ge=1, le=10000)] = 24
    """How many draws from the good trials' density are compared for each proposal."""


class Algorithm(OneOf):
    """Exactly one of the members must be set."""

    seed: Annotated[int | None, Field(ge=0, le=2**31 - 1)] = None
    """Makes the proposals repeatable; without it every experiment has its own."""
    random: RandomSettings | None = None
    grid: GridSettings | None = None
    qmc: QmcSettings | None = None
    tpe: TpeSettings | None = None
