"""Formats tables as Markdown."""

from collections.abc import Iterable, Sequence


def markdown(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table."""
    lines = [headers, ["---"] * len(headers), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def folded(summary: str, table: str) -> str:
    """Return a table that is hidden until the reader opens it."""
    return f"<details>\n<summary>{summary}</summary>\n\n{table}\n</details>\n"
