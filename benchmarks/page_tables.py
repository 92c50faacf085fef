"""Builds the tables of the result pages: name in the template -> Markdown."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from markdown_tables import folded, markdown

Run = Mapping[str, Any]
Row = Sequence[str]
SAMPLERS = ("tpe", "cmaes", "gp", "qmc")
MISSING_TIME = 60.0
"""Seconds after which noisy_neighbours.py stops to wait for an answer."""


def provenance(run: Run) -> str:
    """Return how a run was made, as one paragraph."""
    versions = "".join(f", {name} {version}" for name, version in run["versions"].items())
    commit = f", at commit {run['commit']}" if run["commit"] else ""
    note = f" {run['note']}" if run.get("note") else ""
    return f"Made on {run['date']}{commit}, by `{run['command']}`: {run['machine']}{versions}.{note}\n"


def result(*, met: bool) -> str:
    """Return a verdict, in bold where the goal is missed."""
    return "met" if met else "**missed**"


def control_plane_tables(runs: Mapping[str, Run]) -> dict[str, str]:
    """Return the tables of the control plane."""
    run = runs["control-plane"]
    return {"made": provenance(run), "figures": _figures(run["figures"])}


def cost_tables(runs: Mapping[str, Run]) -> dict[str, str]:
    """Return the tables of what a suggestion and a decision cost."""
    tables = {}
    for name in ("ask-cost", "asha-cost"):
        key = name.replace("-", "_")
        tables[f"{key}_made"], tables[key] = provenance(runs[name]), _figures(runs[name]["figures"])
    return tables


def _figures(figures: Iterable[Mapping[str, Any]]) -> str:
    """Return figures with their limits, ratios first."""
    ordered = sorted(figures, key=lambda figure: not figure["figure"].startswith("ratio"))
    rows = [
        [
            _with_case(each),
            each["measured"],
            each["limit"].replace("<=", "≤").replace(">=", "≥"),
            result(met=each["met"]),
        ]
        for each in ordered
    ]
    return markdown(("figure", "measured", "limit", ""), rows)


def _with_case(figure: Mapping[str, Any]) -> str:
    return f"{figure['figure']}, {figure['case']}" if figure.get("case") else str(figure["figure"])


def neighbour_tables(runs: Mapping[str, Run]) -> dict[str, str]:
    """Return the tables of the noisy neighbours, on the embedded cluster and on Kubernetes."""
    tables = {}
    for place in ("embedded", "kubernetes"):
        run = runs[f"noisy-neighbours-{place}"]
        tables[f"{place}_made"], tables[place] = provenance(run), _workloads(run)
        tables[f"{place}_met"] = _count(run["figures"])
    return tables


def _workloads(run: Run) -> str:
    limits = run["limits"]

    def cell(figure: Mapping[str, Any], name: str) -> str:
        value = figure[name]
        text = formatted(name, value)
        return f"**{text}**" if value is not None and value > limits.get(name, value) else text

    columns = {
        "first_pod": f"first Pod, limit {limits['first_pod']:.0f} s",
        "end_delay": f"end later by, limit {limits['end_delay']:.0f} s",
        "loop_block": f"loop block, limit {1000 * limits['loop_block']:.0f} ms",
        "memory": f"operator, limit {limits['memory']:.0f} MiB",
        "health": "/healthz",
        "search_memory": "search processes",
    }
    rows = [
        [f"{each['summary']} (`{each['name']}`)", *(cell(each, name) for name in columns)] for each in run["figures"]
    ]
    return markdown(("neighbour (name)", *columns.values()), rows)


def formatted(name: str, value: float | None) -> str:
    """Return a figure of a workload with its unit; a dash where there is none."""
    if value is None:
        return "–"
    if name == "loop_block":
        return f"{1000 * value:.2f} ms"
    if name.endswith("memory"):
        return f"{value:.0f} MiB"
    return f"> {MISSING_TIME:.0f} s" if value >= MISSING_TIME else f"{value:.2f} s"


def search_tables(runs: Mapping[str, Run]) -> dict[str, str]:
    """Return the tables of search and early stopping."""
    run = runs["search"]
    tables = {"made": provenance(run), "promotion": _promotion(run), "sampler_ratios": _samplers(run)}
    for section in ("schedulers", "lcdb", "samplers"):
        figures = [each for each in run["figures"] if each["section"] == section]
        tables[f"{section}_met"] = _count(figures)
        rows = [[each["setting"], each["figure"], *each["measured"], each["verdict"]] for each in figures]
        goals = markdown(("setting", "figure", "to 0.5", "to 0.2", "verdict"), _bold(rows))
        tables[f"{section}_goals"] = folded(f"Every goal in every setting ({len(rows)} rows)", goals)
        tables[section] = _all_contestants(run["tables"][section])
    tables["structure"] = markdown(run["tables"]["structure"]["columns"], run["tables"]["structure"]["rows"])
    tables["alone_met"] = _count(each for each in run["figures"] if each["section"] == "alone")
    alone = markdown(run["tables"]["alone"]["columns"], _bold(run["tables"]["alone"]["rows"]))
    tables["alone"] = folded(f"Every data set ({len(run['tables']['alone']['rows'])} rows)", alone)
    return tables


def _all_contestants(table: Mapping[str, Any]) -> str:
    rows = table["rows"]
    return folded(f"Every contestant in every setting ({len(rows)} rows)", markdown(table["columns"], rows))


def _bold(rows: Iterable[Row]) -> list[Row]:
    return [[*row[:-1], f"**{row[-1]}**" if row[-1].startswith("missed") else row[-1]] for row in rows]


def _count(figures: Iterable[Mapping[str, Any]]) -> str:
    met = [each["met"] for each in figures]
    return f"{sum(met)} of {len(met)}"


def _ratios(table: Mapping[str, Any]) -> dict[tuple[str, str], str]:
    """Return (setting, contestant) -> mean ratios to both targets."""
    near, nearer = (table["columns"].index(f"ratio to {target}") for target in ("0.5", "0.2"))
    return {(row[0], row[1]): f"{row[near].split()[0]} / {row[nearer].split()[0]}" for row in table["rows"]}


def _promotion(run: Run) -> str:
    """Return the ratios of promotion and of the oracle to the reference, one row for each table and start."""
    ratios = _ratios(run["tables"]["schedulers"])
    parts = dict.fromkeys((setting.split(", ")[0], setting.split(", ")[2]) for setting, _ in ratios)
    rows = [
        [f"{table}, {start}"]
        + [
            ratios[f"{table}, {workers} workers, {start}", name]
            for workers in (4, 25)
            for name in ("toprung asha promotion", "oracle")
        ]
        for table, start in parts
    ]
    return markdown(("", "4 workers", "oracle", "25 workers", "oracle"), rows)


def _samplers(run: Run) -> str:
    """Return the ratios of samplers to random search, one row for each setting."""
    ratios = _ratios(run["tables"]["samplers"])
    settings = dict.fromkeys(setting for setting, _ in ratios)
    rows = [[setting, *(ratios.get((setting, name), "") for name in SAMPLERS)] for setting in settings]
    return markdown(("", *SAMPLERS), rows)
