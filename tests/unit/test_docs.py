"""The documentation is consistent: links resolve, and the decision records have one form and a complete index."""

import re
from pathlib import Path

import pytest

from toprung.api.v1alpha1.conditions import Reason

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    page
    for pattern in (
        "*.md",
        ".github/*.md",
        "benchmarks/**/*.md",
        "charts/**/*.md",
        "docs/**/*.md",
        "examples/**/*.md",
        "operator/**/*.md",
        "trial-image/**/*.md",
    )
    for page in ROOT.glob(pattern)
    if "templates" not in page.parts
)
RECORDS = sorted((ROOT / "docs/adr").glob("[0-9]*.md"))
LINK = re.compile(r"\]\(([^)\s]+)\)")
FORM = re.compile(
    r"# (?P<number>\d+)\. (?P<title>[^\n]+)\n\n"
    r"Status: (?P<status>Accepted|Rejected|Superseded)[^\n]*\n\n"
    r"Date: (?P<date>\d{4}-\d{2}-\d{2})\n\n"
    r"## Context\n"
)


def name(path):
    return str(path.relative_to(ROOT))


def prose(page):
    """Return the page without its code."""
    return re.sub(r"```.*?```|`[^`\n]*`", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)


def anchors(page):
    """Return the anchors of a page's headings on GitHub."""
    headings = re.findall(
        r"^#+ (.+)$", re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL), re.MULTILINE
    )
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def resolves(page, link):
    """Return whether the file of a link exists and has its heading."""
    path, _, anchor = link.partition("#")
    target = page.parent / path if path else page
    return target.exists() and (not anchor or anchor in anchors(target))


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_relative_link_resolves(page):
    """A link names a file of the repository and, after a #, one of its headings."""
    links = [link for link in LINK.findall(prose(page)) if "://" not in link and not link.startswith("mailto:")]
    assert [link for link in links if not resolves(page, link)] == []


@pytest.mark.parametrize("record", RECORDS, ids=name)
def test_a_decision_record_has_the_common_form(record):
    """Number, title, status, date and context come first, and the file is named after the title."""
    form = FORM.match(record.read_text(encoding="utf-8"))
    assert form is not None
    slug = re.sub(r"[^a-z0-9]+", "-", form["title"].lower()).strip("-")
    assert record.name == f"{int(form['number']):04}-{slug}.md"


def test_the_index_lists_every_decision_record():
    """docs/adr/README.md has one row for each record, with its title, status and date."""
    rows = re.findall(
        r"^\| (\d+) \| \[([^]]+)\]\(([^)]+)\) \| (\w+) \| ([\d-]+) \|$",
        (ROOT / "docs/adr/README.md").read_text(encoding="utf-8"),
        re.MULTILINE,
    )
    forms = [(FORM.match(record.read_text(encoding="utf-8")), record.name) for record in RECORDS]
    assert rows == [(form["number"], form["title"], file, form["status"], form["date"]) for form, file in forms]


def test_the_tour_of_the_code_names_paths_that_exist():
    """Each path in the table "Where is ...?" of CONTRIBUTING.md is in the repository."""
    tour = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").partition("## Where is ...?")[2].partition("\n## ")[0]
    rows = [row for row in tour.splitlines() if row.startswith("| Where ")]
    paths = [path for row in rows for path in re.findall(r"`([^`]+)`", row)]
    assert len(paths) >= len(rows) > 0
    missing = [
        path for path in paths if not any((folder / path).exists() for folder in (ROOT, ROOT / "operator/toprung"))
    ]
    assert missing == []


def test_the_page_of_conditions_lists_every_reason():
    """It lists the reasons in the order of the enum, each once."""
    section = (ROOT / "docs/conditions.md").read_text(encoding="utf-8").partition("\n## Reasons\n")[2]
    assert re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE) == [str(reason) for reason in Reason]
