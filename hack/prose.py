"""Check the words of documentation, messages, docstrings and comments. `make lint` runs it.

hack/words.txt has the rules, one per line: a regular expression, at least two spaces, and the replacement. A rule that
starts with `docstring:` applies to the first words of docstrings. A line that ends with `prose: ignore` is skipped.
"""

import ast
import io
import re
import subprocess
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
WORDS = ROOT / "hack" / "words.txt"
SUFFIXES = frozenset({".py", ".md", ".yaml", ".yml", ".txt", ".tpl"})
EXEMPT = (
    "benchmarks/results/",
    "charts/toprung/files/",
    "crds/",
    "docs/adr/",
    "docs/settings.md",
    "hack/words.txt",
    "tests/unit/test_prose.py",
)
"""Generated files, records of past decisions, and the rules themselves."""
DOCSTRING = "docstring:"

Rules = list[tuple[re.Pattern[str], str]]
Passage = tuple[int, str]
"""Line number and text."""


def main(paths: list[str]) -> int:
    """Print each finding as `file:line: "word": write ... instead.` and return the exit code."""
    rules = WORDS.read_text(encoding="utf-8")
    findings = [
        f"{path}:{line}: {message}"
        for path in paths or tracked_files()
        for line, message in check((ROOT / path).read_text(encoding="utf-8"), Path(path).suffix, rules)
    ]
    sys.stdout.writelines(f"{finding}\n" for finding in findings)
    return 1 if findings else 0


def tracked_files() -> list[str]:
    """Return the paths of the tracked files to check."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S607 - the developer's git
    paths = [path for path in listed.stdout.splitlines() if Path(path).suffix in SUFFIXES]
    return [path for path in paths if not path.startswith(EXEMPT) and (ROOT / path).is_file()]


def check(text: str, suffix: str, rules: str) -> list[tuple[int, str]]:
    """Return the line and the message of each match, in order of lines."""
    lines = [line for line in rules.splitlines() if line and not line.startswith("#")]
    passages = python_passages(text) if suffix == ".py" else enumerate(text.splitlines(), 1)
    words = parse(line for line in lines if not line.startswith(DOCSTRING))
    found = {
        (line, message(match, to)) for line, part in passages for rule, to in words if (match := rule.search(part))
    }
    if suffix == ".py":
        openings = parse(line.removeprefix(DOCSTRING) for line in lines if line.startswith(DOCSTRING))
        found |= {
            (line, message(match, to))
            for line, part in docstrings(text)
            for rule, to in openings
            if (match := rule.match(part))
        }
    return sorted(found)


def parse(lines: Iterator[str]) -> Rules:
    """Parse rules into patterns of whole words and their replacements."""
    pairs = (re.split(r"\s{2,}", line, maxsplit=1) for line in lines)
    return [(re.compile(rf"(?<![\w-])(?:{word})(?![\w-])(?!.*prose: ignore)", re.IGNORECASE), to) for word, to in pairs]


def message(match: re.Match[str], replacement: str) -> str:
    """Return the message for a match."""
    return f'"{match[0]}": write {replacement} instead.'


def python_passages(text: str) -> Iterator[Passage]:
    """Yield the lines of comments and strings, docstrings and f-strings included."""
    kinds = {tokenize.COMMENT, tokenize.STRING, getattr(tokenize, "FSTRING_MIDDLE", tokenize.STRING)}
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type in kinds:
            yield from enumerate(token.string.splitlines(), token.start[0])


def docstrings(text: str) -> Iterator[Passage]:
    """Yield the docstrings of modules, classes and functions."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            docstring = ast.get_docstring(node)
            if docstring:
                yield node.body[0].lineno, docstring


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
