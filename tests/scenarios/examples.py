"""Run examples on one embedded cluster, with their plug-in packages installed."""

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import yaml

from localkube.apiserver.sqlite_journal import Journal

ROOT = Path(__file__).parents[2]
PLUGINS = ROOT / "examples" / "plugins"
TIMEOUT = 180  # seconds; only for a run that hangs


def manifest_of(name):
    return yaml.safe_load((ROOT / "examples" / f"{name}.yaml").read_text())


def spec_of(name):
    return manifest_of(name)["spec"]


def install_plugin(site, name):
    """Install an example's plug-in into a folder, as pip does."""
    project = tomllib.loads((PLUGINS / name / "pyproject.toml").read_text())["project"]
    for group, points in project["entry-points"].items():
        install_package(site, group, points, {name: (PLUGINS / name / f"{name}.py").read_text()}, project["name"])


def install_package(site, group, points, modules, name="made-up"):
    """Write a package into a folder, as pip does: its modules, and its entry points of one group."""
    about = site / f"{name.replace('-', '_')}-1.0.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0.0\n")
    (about / "entry_points.txt").write_text("\n".join([f"[{group}]", *(f"{k} = {v}" for k, v in points.items())]))
    for module, code in modules.items():
        (site / f"{module}.py").write_text(code)


def toprung_run(folder, *examples):
    """Run examples with `toprung run` and return their results by name. Packages in the folder `site` are installed."""
    (folder / "all.yaml").write_text(yaml.safe_dump_all(manifest_of(name) for name in examples))
    run = subprocess.run(
        [sys.executable, "-m", "toprung.cli", "run", "all.yaml", "--dir", "state", "--output", "json"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join((str(ROOT / "operator"), str(folder / "site")))},
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    found = json.loads(run.stdout)
    return {result["name"]: result for result in (found if isinstance(found, list) else [found])}


def stored_objects(folder, resource):
    """Return the objects of a resource that the stopped cluster stored."""
    (path,) = (folder / "state").rglob("cluster.sqlite")
    journal = Journal(path)
    stored = [json.loads(data) for name, _, _, data in journal.load() if resource in name]
    journal.close()
    return stored


def stored_trials(folder):
    """Return the stored Trials of each experiment, ordered by index."""
    found = {}
    for trial in sorted(stored_objects(folder, "trials"), key=lambda trial: trial["spec"]["index"]):
        found.setdefault(trial["metadata"]["name"].rpartition("-")[0], []).append(trial)
    return found
