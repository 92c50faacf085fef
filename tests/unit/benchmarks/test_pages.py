"""The committed pages are those generated from the committed runs."""

import pytest
from pages import README, RESULTS, generate, newest_runs

TEXTS = generate(newest_runs(RESULTS))


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.name)
def test_page_is_generated_from_the_committed_runs(path):
    """`make bench-pages` writes the pages again."""
    assert path.read_text() == TEXTS[path]


def test_readme_is_short():
    """The README has how to run and the goals; explanations belong to the pages."""
    assert len(README.read_text().splitlines()) <= 60


def test_newest_run_of_each_benchmark_counts(tmp_path):
    """The date in the file name decides; other files are ignored."""
    for name, text in (
        ("a-b-2026-11-02.json", '{"number": 2}'),
        ("a-b-2026-10-31.json", '{"number": 1}'),
        ("notes.json", "{}"),
    ):
        (tmp_path / name).write_text(text)
    assert newest_runs(tmp_path) == {"a-b": {"number": 2}}
