"""Prepare a release: `make release VERSION=1.2.3` writes the version wherever it is needed, commits and tags.

pyproject.toml has the version. The chart, the trial SDK and the image tags in the documentation are copies, which only
this program writes; tests/unit/test_release.py compares them.
"""

import re
import subprocess
import sys
import tomllib
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).parents[1]
VERSION = re.compile(r"\d+\.\d+\.\d+(?:-(?:alpha|beta|rc)\.\d+)?")
COPIES = {
    "pyproject.toml": r'(?m)^version = "([^"]+)"',
    "trial-image/pyproject.toml": r'(?m)^version = "([^"]+)"',
    "charts/toprung/Chart.yaml": r"(?m)^(?:version|appVersion): (\S+)",
    "charts/toprung/README.md": r"toprung-operator:(\d[\w.-]*)",
    "README.md": r"toprung-operator:(\d[\w.-]*)",
    "operator/Dockerfile": r"toprung-operator:(\d[\w.-]*)",
    "trial-image/Dockerfile": r"toprung-trial:(\d[\w.-]*)",
    "examples/mnist.yaml": r"toprung-trial:(\d[\w.-]*)",
}
"""File -> pattern of each version in it, which is its only group."""


def current_version() -> str:
    """Return the version of pyproject.toml."""
    version: str = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    return version


def write_version(text: str, pattern: str, version: str) -> str:
    """Replace the version in each match of a pattern."""
    return re.sub(pattern, lambda match: match[0].replace(match[1], version), text)


def release_changelog(text: str, version: str, date: str) -> str:
    """Turn the section Unreleased into the section of the version, below a new section Unreleased.

    Raises:
        ValueError: the section is missing or empty.
    """
    heading = "## Unreleased\n"
    before, found, after = text.partition(heading)
    if not found or not after.partition("\n## ")[0].strip():
        raise ValueError("CHANGELOG.md: Required value: the section Unreleased has no entries")
    return f"{before}{heading}\n## {version} - {date}\n{after}"


def main(version: str) -> str:
    """Write, commit and tag a version; return what is left to do."""
    if not VERSION.fullmatch(version):
        return f'VERSION: Invalid value: "{version}": must be like 1.2.3 or 1.2.3-rc.1.'
    if _git("status", "--porcelain"):
        return "The working tree has changes. Commit or stash them first."
    for name, pattern in COPIES.items():
        path = ROOT / name
        path.write_text(write_version(path.read_text(), pattern, version))
    changelog = ROOT / "CHANGELOG.md"
    changelog.write_text(release_changelog(changelog.read_text(), version, f"{datetime.now(UTC):%Y-%m-%d}"))
    _git("commit", "--all", "--message", f"Release {version}")
    _git("tag", "--annotate", f"v{version}", "--message", f"TopRung {version}")
    return ""


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=ROOT, check=True, capture_output=True, text=True).stdout  # noqa: S603, S607


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else "") or 0)
