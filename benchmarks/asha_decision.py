"""What a decision of ASHA costs at a rung of 10,000 records: `python benchmarks/asha_decision.py`.

A decision is what the planner does for an arrival: record it and judge it. Each run decides about 2,000 arrivals at a
rung that holds the records already; the limit is 50 microseconds each.
"""

from random import Random
from statistics import median
from time import perf_counter

from toprung.api.stoppers import AshaSettings
from toprung.stopping import Arrival
from toprung.stopping.asha import Asha

LIMIT = 50.0
DECISIONS = 2_000
RUNS = 5


def decide(records: int, seed: int) -> float:
    """Give the microseconds of one decision, amortised."""
    random = Random(seed)
    asha = Asha(AshaSettings(max_resource=27), seed)
    arrivals = [Arrival(0, 1, index, random.random()) for index in range(records + DECISIONS)]
    for arrival in arrivals[:records]:
        asha.record(arrival)
    start = perf_counter()
    for arrival in arrivals[records:]:
        asha.record(arrival)
        asha.judge(arrival)
    return (perf_counter() - start) / DECISIONS * 1e6


def main() -> None:
    """Print a table."""
    print(f"{'records':>8} {'us/decision':>12} {'of the limit':>13}")
    for records in (100, 1_000, 10_000, 100_000):
        cost = median(decide(records, seed) for seed in range(RUNS))
        print(f"{records:>8} {cost:>12.2f} {cost / LIMIT:>13.2f}")


if __name__ == "__main__":
    main()
