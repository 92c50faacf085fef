"""Builds the table of goals in benchmarks/README.md: each goal once, over all of its settings, ratios first."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from markdown_tables import markdown
from page_tables import formatted, result

Run = Mapping[str, Any]
NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?")
SEARCH_GOALS = {
    "promotion <= 0.85 x ray asha": "ASHA by promotion to Ray Tune's ASHA, cheap starts",
    "promotion <= 1.0 x ray asha": "ASHA by promotion to Ray Tune's ASHA, expensive starts",
    "promotion no worse than any peer": "ASHA by promotion to the best peer",
    "stopping <= 1.0 x the best stopping peer": "ASHA by stopping to the best stopping peer",
    "median no worse than ray median": "median stopping to Ray Tune's",
    "hyperband stopping no worse than optuna hyperband": "Hyperband to Optuna's",
    "tpe <= 0.7 x random": "tpe to random search, both with ASHA",
    "cmaes <= 0.7 x random": "cmaes to random search, both with ASHA",
    "gp <= 0.7 x random": "gp to random search, both with ASHA",
    "tpe no worse than optuna tpe": "best value of tpe to Optuna's TPE, 100 trials",
    "promotion: every seed": "seeds of ASHA by promotion that reach the target",
}
NEIGHBOUR_GOALS = {
    "first_pod": "first Pod of a healthy Experiment",
    "end_delay": "end of a healthy Experiment, later than undisturbed",
    "loop_block": "longest block of the event loop",
    "memory": "memory of the operator",
}


def goals_table(runs: Mapping[str, Run]) -> str:
    """Return the table of all goals."""
    search = [_search_row(figure, group) for figure, group in _search_groups(runs["search"]["figures"])]
    plain = [
        (name, _row(name, group, page))
        for kind, page in (
            ("ask-cost", "search-cost"),
            ("control-plane", "control-plane"),
            ("asha-cost", "search-cost"),
        )
        for name, group in _grouped(runs[kind]["figures"], "figure").items()
    ]
    rows = [
        *search,
        *(row for name, row in plain if name.startswith("ratio")),
        *(row for name, row in plain if not name.startswith("ratio")),
        *_neighbour_rows(runs["noisy-neighbours-embedded"], "embedded cluster"),
        *_neighbour_rows(runs["noisy-neighbours-kubernetes"], "Kubernetes"),
    ]
    return markdown(("goal", "limit", "measured", "settings that meet it", ""), rows)


def _grouped(figures: Iterable[Mapping[str, Any]], key: str) -> dict[str, list[Mapping[str, Any]]]:
    groups = defaultdict(list)
    for each in figures:
        groups[each[key]].append(each)
    return groups


def _search_groups(figures: Sequence[Mapping[str, Any]]) -> Iterable[tuple[str, list[Mapping[str, Any]]]]:
    """Group by goal, in the order of SEARCH_GOALS; lcdb's curves, which cross, are one group."""
    groups = _grouped((each for each in figures if each["section"] != "lcdb"), "figure")
    yield from sorted(groups.items(), key=lambda group: list(SEARCH_GOALS).index(group[0]))
    yield "lcdb", [each for each in figures if each["section"] == "lcdb"]


def _search_row(figure: str, group: Sequence[Mapping[str, Any]]) -> list[str]:
    if figure == "lcdb":
        return _cells("[all goals of early stopping where curves cross](results/search.md)", "as above", "", group)
    numbers = [NUMBER.match(text) for each in group for text in each["measured"] if "±" not in text]
    limit = "≤ 1, or 1 in the interval" if "no worse" in figure else group[0]["limit"].replace("<=", "≤")
    limit = "within 1 standard error" if "error" in group[0]["limit"] else limit
    goal = f"[{SEARCH_GOALS[figure]}](results/search.md)"
    return _cells(goal, limit, _span([each[0] for each in numbers if each]), group)


def _row(figure: str, group: Sequence[Mapping[str, Any]], page: str) -> list[str]:
    measured = [each["measured"] for each in group]
    numbers = [found[0] for text in measured if (found := NUMBER.search(text))]
    text = measured[0].partition(" (")[0] if len(group) == 1 else _span(numbers)
    limit = group[0]["limit"].replace("<=", "≤").replace(">=", "≥")
    return _cells(f"[{figure}](results/{page}.md)", limit, text, group)


def _neighbour_rows(run: Run, place: str) -> Iterable[list[str]]:
    place = f"{place}, loaded machine" if run.get("loaded") else place
    for name, limit in run["limits"].items():
        values = [each[name] for each in run["figures"] if each[name] is not None]
        met = sum(value <= limit for value in values)
        goal = f"[{NEIGHBOUR_GOALS[name]}, next to noisy neighbours, {place}](results/noisy-neighbours.md)"
        worst = f"at most {formatted(name, max(values))}"
        yield [goal, f"≤ {formatted(name, limit)}", worst, f"{met} of {len(values)}", result(met=met == len(values))]


def _cells(goal: str, limit: str, measured: str, group: Sequence[Mapping[str, Any]]) -> list[str]:
    met = sum(each["met"] for each in group)
    return [goal, limit, measured, f"{met} of {len(group)}", result(met=met == len(group))]


def _span(numbers: Sequence[str]) -> str:
    """Return the smallest and the largest of some numbers as they are written."""
    low, high = min(numbers, key=float, default=""), max(numbers, key=float, default="")
    return low if low == high else f"{low} to {high}"
