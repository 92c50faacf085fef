"""The results held against the figures that were to be reached."""

from collections.abc import Mapping, Sequence
from math import isfinite

from comparison import Ratio, paired_ratio
from peers import PEERS
from race import GP, REFERENCE, STOPPING_PEERS, Runs, near_and_nearer
from runs import Setting

PROMOTION, STOPPING = "toprung asha promotion", "toprung asha stopping"
NAMESAKES = {"toprung median": "ray median", "toprung hyperband stopping": "optuna hyperband"}
"""Rules and the same rules of others that lose no seed either."""
MODELS = ("tpe", "cmaes", GP)

HEADERS = ("setting", "figure", "to 0.5", "to 0.2", "verdict")
Both = tuple[Mapping[str, Sequence[float]], Mapping[str, Sequence[float]]]
"""Contestant -> times to the targets 0.5 and 0.2."""


def rules_judged(setting: Setting, runs: Runs) -> list[list[str]]:
    """Give a line for each figure that rules of early stopping were to reach."""
    both, limit = near_and_nearer(setting, runs), 0.85 if setting.start == "cheap" else 1.0
    peers = [name for name in PEERS if name in runs]
    rivals = [name for name in STOPPING_PEERS if name in runs]
    reached = [sum(map(isfinite, each[PROMOTION])) for each in both]
    total = len(both[0][PROMOTION])
    lines = [
        _at_most(limit, f"promotion <= {limit} x {REFERENCE}", _slowest(both, PROMOTION, [REFERENCE])),
        _no_worse("promotion no worse than any peer", both, PROMOTION, peers),
        _at_most(1.0, "stopping <= 1.0 x the best stopping peer", _slowest(both, STOPPING, rivals)),
        ["promotion: every seed", *(f"{number}/{total}" for number in reached), _met(min(reached) == total)],
        *(
            _no_worse(f"{ours.removeprefix('toprung ')} no worse than {theirs}", both, ours, [theirs])
            for ours, theirs in NAMESAKES.items()
            if ours in runs and theirs in runs
        ),
    ]
    return [[str(setting), *line] for line in lines]


def models_judged(setting: Setting, runs: Runs) -> list[list[str]]:
    """Give a line for each sampler with a model; whether there is structure to learn, structure.py says."""
    both = near_and_nearer(setting, runs)
    named = [name for name in MODELS if name in runs]
    return [
        [str(setting), *_at_most(0.7, f"{name} <= 0.7 x random", _slowest(both, name, ["random"]))] for name in named
    ]


def _slowest(both: Both, name: str, others: Sequence[str]) -> list[Ratio]:
    """Compare with the best of the others, to each target."""
    return [max(_ratios(each, name, others), key=lambda ratio: ratio.mean) for each in both]


def _no_worse(figure: str, both: Both, name: str, others: Sequence[str]) -> list[str]:
    """Compare with each of the others beyond the interval; show the one that is most surely better, to each target."""
    ratios = [max(_ratios(each, name, others), key=lambda ratio: ratio.low) for each in both]
    return [figure, *map(str, ratios), _judged(ratios, _met(all(ratio.low <= 1 for ratio in ratios)))]


def _ratios(times: Mapping[str, Sequence[float]], name: str, others: Sequence[str]) -> list[Ratio]:
    """Compare with each of the others, as far as there are seeds that both reached; else one that says so."""
    ratios = [paired_ratio(times[name], times[other]) for other in others]
    return [ratio for ratio in ratios if ratio.pairs > 1] or ratios[:1]


def _at_most(limit: float, figure: str, ratios: Sequence[Ratio]) -> list[str]:
    met = all(round(ratio.mean, 2) <= limit for ratio in ratios)
    within = not met and all(ratio.low <= limit for ratio in ratios)
    return [
        figure,
        *map(str, ratios),
        _judged(ratios, _met(met) + (f" ({limit} is in the interval)" if within else "")),
    ]


def _judged(ratios: Sequence[Ratio], verdict: str) -> str:
    return verdict if all(ratio.pairs > 1 for ratio in ratios) else "MISSED (too few seeds reach it)"


def _met(met: bool) -> str:
    return "met" if met else "MISSED"
