"""The types that the operator and a sampler exchange."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from toprung.api.v1alpha1.algorithms import Algorithm
from toprung.api.v1alpha1.base import ParameterValue
from toprung.api.v1alpha1.parameters import Parameter

Configuration = Mapping[str, ParameterValue]


class EvaluationState(StrEnum):
    """The state of a trial, as the sampler receives it."""

    RUNNING = "Running"
    COMPLETE = "Complete"
    STOPPED = "Stopped"
    FAILED = "Failed"


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A configuration and its results.

    Attributes:
        index: index of the trial.
        parameters: active parameters only.
        state: whether it runs (a pending point), ended, was stopped early, or failed.
        score: of the first objective; larger is better, whatever its direction; None while there is none, -inf where
            not finite.
        rungs: (level, score) of every rung reached, ascending; by the first objective.
        scores: of all objectives in their order, `score` first, where there are several; else empty.
    """

    index: int
    parameters: Configuration
    state: EvaluationState
    score: float | None = None
    rungs: tuple[tuple[int, float], ...] = ()
    scores: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Problem:
    """The constant data of an experiment; picklable.

    Attributes:
        key: UID of the experiment, which identifies its history.
        parameters: the space as its author wrote it.
        initial: configurations to try first; trial i takes initial[i], completed by the algorithm.
        algorithm: the sampler and its settings.
        seed: of the experiment; the seed of trial i is derived from it and i.
        objectives: number of objectives.
        prior: finished trials of other experiments, each with a unique negative index.
        namespace: of the experiment; requests of different namespaces take turns.
    """

    key: str
    parameters: tuple[Parameter, ...]
    initial: tuple[Configuration, ...]
    algorithm: Algorithm
    seed: int
    objectives: int = 1
    prior: tuple[Evaluation, ...] = ()
    namespace: str = ""


@dataclass(frozen=True, slots=True)
class Suggestion:
    """The configuration of trial `index`."""

    index: int
    parameters: Configuration


@dataclass(frozen=True, slots=True)
class Suggestions:
    """The answer to a suggest request.

    Attributes:
        exhausted: no other trial can follow these: a finite space has no configuration left, and the initial trials,
            which may try one again, are all among them or before them.
        prior_in_space: number of the problem's prior trials that lie in the space.
    """

    suggestions: tuple[Suggestion, ...]
    exhausted: bool = False
    prior_in_space: int = 0
