"""What a decision of ASHA costs at a rung of 10,000 records: `python benchmarks/asha_decision.py`.

A decision is what the planner does for an arrival: record it, judge it and, where it goes on, release it; then, as for
a free slot, it asks who is to be promoted, and releases that one. Whoever goes on comes to the next rung, with a score
that the one before foretells. Each run decides about the arrivals of 2,000 trials more, at a first rung that holds the
records already; the limit is 50 microseconds each.
"""

from random import Random
from statistics import median
from time import perf_counter

from toprung.api.v1alpha1.early_stopping import AshaSettings
from toprung.early_stopping import Decision, RungResult
from toprung.early_stopping.asha import Asha, asha

LIMIT = 50.0
TRIALS = 2_000
RUNS = 5


def climb(rule: Asha, index: int, random: Random) -> int:
    """Decide about a trial at one rung after another, and about the slot that it may leave; gives how often."""
    score, levels = random.gauss(), rule.levels(0)
    for decisions, resource in enumerate(levels, 1):
        rule.record(arrival := RungResult(0, resource, index, score))
        if rule.decide(arrival).outcome is not Decision.CONTINUE:
            if (promoted := rule.next_promotion()) is not None:
                rule.mark_continued(promoted)
            return decisions
        rule.mark_continued(arrival)
        score += random.gauss() / 2
    return len(levels)


def cost(records: int, seed: int, *, checkpoint: bool) -> float:
    """Give the microseconds of one decision, amortised."""
    random = Random(seed)
    rule = asha(AshaSettings(max_resource=27), seed, checkpoint=checkpoint)
    for index in range(records):
        climb(rule, index, random)
    start = perf_counter()
    decisions = sum(climb(rule, index, random) for index in range(records, records + TRIALS))
    return (perf_counter() - start) / decisions * 1e6


def main() -> None:
    """Print a table."""
    print(f"{'variant':<10} {'records':>8} {'us/decision':>12} {'of the limit':>13}")
    for variant, checkpoint in (("stopping", False), ("promotion", True)):
        for records in (100, 1_000, 10_000, 100_000):
            found = median(cost(records, seed, checkpoint=checkpoint) for seed in range(RUNS))
            print(f"{variant:<10} {records:>8} {found:>12.2f} {found / LIMIT:>13.2f}")


if __name__ == "__main__":
    main()
