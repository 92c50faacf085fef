"""Measures the cost of a decision of ASHA: python benchmarks/search/asha_cost.py.

A decision is what the planner does for an arrival at a rung: record it, decide, and mark the trial as continued if it
continues. For a trial that does not continue, the rule also returns a promotion for the free slot. Trials that continue
arrive at the next rung with a correlated score. Each run measures the arrivals of 2,000 further trials at a first rung
that holds the records already. CPU time is measured, so that other work on the machine does not count.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from random import Random
from statistics import median
from time import process_time
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from toprung.api.v1alpha1.early_stopping import AshaSettings
from toprung.early_stopping import Decision, RungResult
from toprung.early_stopping.asha import Asha, asha

sys.path.append(str(Path(__file__).parents[1]))
from run_record import json_option, write_run

LIMIT = 50.0
"""CPU microseconds of a decision, at up to 10,000 records."""
TRIALS = 2_000
RUNS = 5


def climb(rule: Asha, index: int, random: Random) -> int:
    """Decide about a trial at one rung after another, and about the slot that it frees; return the decisions made."""
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
    """Return the CPU microseconds of one decision, amortized."""
    random = Random(seed)
    rule = asha(AshaSettings(max_resource=27), seed, checkpoint=checkpoint)
    for index in range(records):
        climb(rule, index, random)
    start = process_time()
    decisions = sum(climb(rule, index, random) for index in range(records, records + TRIALS))
    return (process_time() - start) / decisions * 1e6


def figures(largest: int) -> Iterator[dict[str, Any]]:
    """Measure both variants with 100 records to the largest number."""
    for variant, checkpoint in (("stopping", False), ("promotion", True)):
        for records in (each for each in (100, 1_000, 10_000, 100_000) if each <= largest):
            found = median(cost(records, seed, checkpoint=checkpoint) for seed in range(RUNS))
            yield {
                "figure": f"decision of ASHA by {variant}",
                "case": f"{records:,} records at the first rung",
                "measured": f"{found:.1f} μs",
                "limit": f"<= {LIMIT:.0f} μs",
                "met": found <= LIMIT,
            }


@click.command()
@click.option("--records", default=10_000, show_default=True, help="The largest number of records at the first rung.")
@json_option
def main(records: int, output: Path | None) -> None:
    """Print the microseconds of a decision."""
    found = list(figures(records))
    table = Table("variant", "case", "measured", "limit")
    for each in found:
        table.add_row(each["figure"], each["case"], each["measured"], each["limit"])
    Console().print(table)
    write_run(output, "asha-cost", found)


if __name__ == "__main__":
    main()
