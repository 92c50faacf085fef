"""What a decision of ASHA costs at a rung of 10,000 records: `python benchmarks/asha_decision.py`.

A decision is what the planner does for an arrival: record it, judge it and, where it goes on, release it; then, as for
a free slot, it asks who is to be promoted, and releases that one. Each run decides about 2,000 arrivals at a rung that
holds the records already; the limit is 50 microseconds each.
"""

from random import Random
from statistics import median
from time import perf_counter

from toprung.api.stoppers import AshaSettings
from toprung.stopping import Arrival, Outcome
from toprung.stopping.asha import Asha, asha

LIMIT = 50.0
DECISIONS = 2_000
RUNS = 5


def decide(rule: Asha, arrival: Arrival) -> None:
    """Decide about one arrival, and about the slot that it may leave."""
    rule.record(arrival)
    if rule.judge(arrival).outcome is Outcome.CONTINUE:
        rule.release(arrival)
    promoted = rule.promotion()
    if promoted is not None:
        rule.release(promoted)


def cost(records: int, seed: int, *, checkpoint: bool) -> float:
    """Give the microseconds of one decision, amortised."""
    random = Random(seed)
    rule = asha(AshaSettings(max_resource=27), seed, checkpoint=checkpoint)
    arrivals = [Arrival(0, 1, index, random.random()) for index in range(records + DECISIONS)]
    for arrival in arrivals[:records]:
        rule.record(arrival)
    start = perf_counter()
    for arrival in arrivals[records:]:
        decide(rule, arrival)
    return (perf_counter() - start) / DECISIONS * 1e6


def main() -> None:
    """Print a table."""
    print(f"{'variant':<10} {'records':>8} {'us/decision':>12} {'of the limit':>13}")
    for variant, checkpoint in (("stopping", False), ("promotion", True)):
        for records in (100, 1_000, 10_000, 100_000):
            found = median(cost(records, seed, checkpoint=checkpoint) for seed in range(RUNS))
            print(f"{variant:<10} {records:>8} {found:>12.2f} {found / LIMIT:>13.2f}")


if __name__ == "__main__":
    main()
