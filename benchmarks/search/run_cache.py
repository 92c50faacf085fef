"""Keeps completed runs on disk, so that an interrupted benchmark continues."""

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
"""The packages of the operator that a run uses."""
MODULES = ("contestants.py", "peers.py", "runs.py", "simple_hpo_bench.py")

T = TypeVar("T")
R = TypeVar("R")


class CachedFunction(Generic[T, R]):
    """A function whose results are kept on disk while code, tables and packages are the same."""

    def __init__(self, function: Callable[[T], R], folder: Path | None = None) -> None:
        """Keep results in a folder, by default one in .bench/ named by the fingerprint."""
        self._function = Memory(folder or FOLDER / code_fingerprint(), verbose=0).cache(function)

    def __call__(self, task: T) -> R:
        """Return the kept result, or compute and keep it."""
        result: R = self._function(task)
        return result

    def has(self, task: T) -> bool:
        """Return whether the result is kept."""
        return bool(self._function.check_call_in_cache(task))


@cache
def code_fingerprint() -> str:
    """Return the fingerprint of the code, the tables and the packages that a run depends on."""
    code = [path for package in CORE for path in sorted((OPERATOR / package).rglob("*.py"))]
    tables = sorted(DATA.iterdir())
    packages = sorted(f"{each.name}=={each.version}" for each in distributions())
    return fingerprint([*code, *(HERE / name for name in MODULES), *tables], [python_version(), *packages])


def fingerprint(files: Iterable[Path], versions: Iterable[str]) -> str:
    """Return 16 hexadecimal digits of the names and contents of files, and of versions."""
    contents = [path.name.encode() + sha256(path.read_bytes()).digest() for path in files]
    return sha256(b"\n".join([*contents, *map(str.encode, versions)])).hexdigest()[:16]
