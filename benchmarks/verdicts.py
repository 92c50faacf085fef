"""The results held against the figures that were to be reached."""

from collections.abc import Mapping, Sequence
from math import isfinite

from comparison import Ratio, paired_ratio
from peers import PEERS
from race import GP, REFERENCE, STOPPING_PEERS, Runs, Setting, near_and_nearer

PROMOTION, STOPPING = "toprung asha promotion", "toprung asha stopping"
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
    best_peer = _slowest(both, PROMOTION, peers)
    lines = [
        _at_most(limit, f"promotion <= {limit} x {REFERENCE}", _slowest(both, PROMOTION, [REFERENCE])),
        ["promotion no worse than the best peer", *map(str, best_peer), _met(all(r.low <= 1 for r in best_peer))],
        _at_most(1.0, "stopping <= 1.0 x the best stopping peer", _slowest(both, STOPPING, rivals)),
        ["promotion: every seed", *(f"{number}/{total}" for number in reached), _met(min(reached) == total)],
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
    return [max((paired_ratio(each[name], each[o]) for o in others), key=lambda ratio: ratio.mean) for each in both]


def _at_most(limit: float, figure: str, ratios: Sequence[Ratio]) -> list[str]:
    met = all(round(ratio.mean, 2) <= limit for ratio in ratios)
    within = not met and all(ratio.low <= limit for ratio in ratios)
    return [figure, *map(str, ratios), _met(met) + (f" ({limit} is in the interval)" if within else "")]


def _met(met: bool) -> str:
    return "met" if met else "MISSED"
