"""Locates the CustomResourceDefinitions: in the package of a wheel, else in the clone that it runs from."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import as_file, files
from pathlib import Path

from toprung.errors import InternalError


@contextmanager
def crd_folder() -> Iterator[Path]:
    """Yield the folder of CRDs, which exists as long as the context lasts.

    Raises:
        InternalError: the package was built without them.
    """
    packaged = files("toprung") / "crds"
    if packaged.is_dir():
        with as_file(packaged) as folder:
            yield folder
        return
    clone = Path(__file__).parents[4] / "crds"
    if not clone.is_dir():
        raise InternalError(f"no CRDs in the package and none in {clone}; reinstall toprung")
    yield clone
