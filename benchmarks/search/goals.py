"""Compares the results with the goals."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite

from comparison import Ratio, paired_ratio
from peers import PEERS
from race import GP, REFERENCE, STOPPING_PEERS, Runs, times_to_both_targets
from runs import Setting

PROMOTION, STOPPING = "toprung asha promotion", "toprung asha stopping"
NAMESAKES = {"toprung median": "ray median", "toprung hyperband stopping": "optuna hyperband"}
"""Our rules and the same rules of other packages that lose no seed either."""
MODELS = ("tpe", "cmaes", GP)
NO_WORSE = "interval reaches 1.0"
TOO_FEW = "missed (too few seeds reach it)"

Both = tuple[Mapping[str, Sequence[float]], Mapping[str, Sequence[float]]]
"""Contestant -> times to the targets 0.5 and 0.2."""


@dataclass(frozen=True, slots=True)
class Goal:
    """A figure in one setting, and whether it meets its limit.

    Attributes:
        measured: the figure for the targets 0.5 and 0.2, as shown.
        verdict: "met", "missed", or "missed" with a remark in parentheses.
    """

    setting: str
    figure: str
    limit: str
    measured: tuple[str, ...]
    verdict: str

    @property
    def met(self) -> bool:
        """Return whether the limit is met."""
        return self.verdict == "met"


def early_stopping_goals(setting: Setting, runs: Runs) -> list[Goal]:
    """Compare the rules of early stopping with their goals in one setting."""
    both, limit = times_to_both_targets(setting, runs), 0.85 if setting.start == "cheap" else 1.0
    peers = [name for name in PEERS if name in runs]
    rivals = [name for name in STOPPING_PEERS if name in runs]
    where = str(setting)
    return [
        _at_most(where, f"promotion <= {limit} x {REFERENCE}", limit, _slowest(both, PROMOTION, [REFERENCE])),
        _no_worse(where, "promotion no worse than any peer", both, PROMOTION, peers),
        _at_most(where, "stopping <= 1.0 x the best stopping peer", 1.0, _slowest(both, STOPPING, rivals)),
        _every_seed(where, both),
        *(
            _no_worse(where, f"{ours.removeprefix('toprung ')} no worse than {theirs}", both, ours, [theirs])
            for ours, theirs in NAMESAKES.items()
            if ours in runs and theirs in runs
        ),
    ]


def sampler_goals(setting: Setting, runs: Runs) -> list[Goal]:
    """Compare each model-based sampler with random search in one setting."""
    both = times_to_both_targets(setting, runs)
    named = [name for name in MODELS if name in runs]
    return [_at_most(str(setting), f"{name} <= 0.7 x random", 0.7, _slowest(both, name, ["random"])) for name in named]


def _every_seed(setting: str, both: Both) -> Goal:
    reached = [sum(map(isfinite, each[PROMOTION])) for each in both]
    total = len(both[0][PROMOTION])
    measured = tuple(f"{number}/{total}" for number in reached)
    return Goal(setting, "promotion: every seed", f"{total}/{total}", measured, _verdict(min(reached) == total))


def _slowest(both: Both, name: str, others: Sequence[str]) -> list[Ratio]:
    """Return the ratio to the best of the others, for each target."""
    return [max(_ratios(each, name, others), key=lambda ratio: ratio.mean) for each in both]


def _no_worse(setting: str, figure: str, both: Both, name: str, others: Sequence[str]) -> Goal:
    """Compare with the one of the others that is most surely better, for each target."""
    ratios = [max(_ratios(each, name, others), key=lambda ratio: ratio.low) for each in both]
    return _goal(setting, figure, NO_WORSE, ratios, _verdict(all(ratio.low <= 1 for ratio in ratios)))


def _ratios(times: Mapping[str, Sequence[float]], name: str, others: Sequence[str]) -> list[Ratio]:
    """Return the ratios to each of the others that has seeds in common; if there are none, one ratio without pairs."""
    ratios = [paired_ratio(times[name], times[other]) for other in others]
    return [ratio for ratio in ratios if ratio.pairs > 1] or ratios[:1]


def _at_most(setting: str, figure: str, limit: float, ratios: Sequence[Ratio]) -> Goal:
    met = all(round(ratio.mean, 2) <= limit for ratio in ratios)
    within = not met and all(ratio.low <= limit for ratio in ratios)
    verdict = _verdict(met) + (f" ({limit} is in the interval)" if within else "")
    return _goal(setting, figure, f"<= {limit}", ratios, verdict)


def _goal(setting: str, figure: str, limit: str, ratios: Sequence[Ratio], verdict: str) -> Goal:
    enough = all(ratio.pairs > 1 for ratio in ratios)
    return Goal(setting, figure, limit, tuple(map(str, ratios)), verdict if enough else TOO_FEW)


def _verdict(met: bool) -> str:
    return "met" if met else "missed"
