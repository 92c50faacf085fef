"""Runs that are kept on disk, so that a benchmark that was interrupted goes on where it was."""

from collections.abc import Callable, Iterable
from functools import cache
from hashlib import sha256
from importlib.metadata import distributions
from pathlib import Path
from platform import python_version
from typing import Generic, TypeVar

from joblib import Memory

import toprung

HERE = Path(__file__).parent
DATA = HERE.parent / "data"
FOLDER = HERE.parents[1] / ".bench"
OPERATOR = Path(toprung.__file__).parent
CORE = ("api", "early_stopping", "metrics", "objects", "planning", "search", "simulate")
"""The packages of the operator that a run consists of."""
OURS = ("contestants.py", "peers.py", "runs.py", "simple_hpo_bench.py")

T = TypeVar("T")
R = TypeVar("R")


class Kept(Generic[T, R]):
    """A function whose results are kept, as long as nothing that they could depend on has changed."""

    def __init__(self, function: Callable[[T], R], folder: Path | None = None) -> None:
        """Keep them in that folder."""
        self._function = Memory(folder or FOLDER / everything(), verbose=0).cache(function)

    def __call__(self, task: T) -> R:
        """Give the kept result, or do it and keep it."""
        result: R = self._function(task)
        return result

    def has(self, task: T) -> bool:
        """Say whether the result is kept."""
        return bool(self._function.check_call_in_cache(task))


@cache
def everything() -> str:
    """Give the fingerprint of all that a run's result depends on: the code, the tables and the packages."""
    code = [path for package in CORE for path in sorted((OPERATOR / package).rglob("*.py"))]
    tables = sorted(DATA.iterdir())
    packages = sorted(f"{each.name}=={each.version}" for each in distributions())
    return fingerprint([*code, *(HERE / name for name in OURS), *tables], [python_version(), *packages])


def fingerprint(files: Iterable[Path], words: Iterable[str]) -> str:
    """Give 16 hexadecimal digits of these files' names and contents, and of these words."""
    contents = [path.name.encode() + sha256(path.read_bytes()).digest() for path in files]
    return sha256(b"\n".join([*contents, *map(str.encode, words)])).hexdigest()[:16]
