"""Estimates the cost of a request, and formats the messages for exceeded limits."""

from collections.abc import Iterable, Mapping
from itertools import chain, islice

from toprung.api.v1alpha1.algorithms import Algorithm
from toprung.search.ranking import has_result
from toprung.search.types import Evaluation, Problem

_HEAVY = 2**24
"""Product of candidates, trials and parameters for which TPE needs most of a second."""
_DRAWING = ("random", "grid", "qmc")
"""Samplers that do not learn."""


def learns(algorithm: Algorithm) -> bool:
    """Return whether the sampler learns from results."""
    return algorithm.name not in _DRAWING


def startup(problem: Problem, history: Mapping[int, Evaluation]) -> bool:
    """Return whether the next trial is certainly a startup trial, which a sampler that learns draws at random."""
    trials = _startup_trials(problem.algorithm)
    results = filter(has_result, chain(history.values(), problem.prior))
    return len([*islice(results, trials)]) < trials


def heavy(problem: Problem, trials: int) -> bool:
    """Return whether a request certainly is slow."""
    tpe = problem.algorithm.tpe
    return tpe is not None and tpe.ei_candidates * len(problem.parameters) * trials > _HEAVY


def too_slow(problem: Problem, trials: int, seconds: float) -> str:
    """Return the message for a request that took too long."""
    return f"{problem.algorithm.sampler} took longer than {seconds:g} s for one trial{_remedy(problem, trials)}"


def too_large(problem: Problem, trials: int, mib: int) -> str:
    """Return the message for a request that needs too much memory."""
    return f"{problem.algorithm.sampler} needs more than {mib} MiB for one trial{_remedy(problem, trials)}"


def _startup_trials(algorithm: Algorithm) -> int:
    if algorithm.tpe is not None:
        return max(1, algorithm.tpe.startup_trials)
    if algorithm.gp is not None:
        return algorithm.gp.startup_trials
    return algorithm.nsga2.population_size if algorithm.nsga2 is not None else 0


def _remedy(problem: Problem, trials: int) -> str:
    remedies = "; ".join([*_settings(problem.algorithm), "or use spec.algorithm.random: {}"])
    return f", with {len(problem.parameters)} parameters and {trials} trials. {remedies}."


def _settings(algorithm: Algorithm) -> Iterable[str]:
    if algorithm.tpe is not None:
        yield f"Reduce spec.algorithm.tpe.eiCandidates ({algorithm.tpe.ei_candidates})"
    elif algorithm.gp is not None:
        yield f"Reduce spec.algorithm.gp.maxObservations ({algorithm.gp.max_observations}) or the categorical values"
    elif algorithm.plugin is not None:
        yield "Correct the plug-in or its settings"
    else:
        yield "Reduce the number of parameters or of values"
