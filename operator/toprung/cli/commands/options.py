"""Where a picture is to be written, looked at before hours of work for it."""

from pathlib import Path

import click

FORMATS = (".png", ".svg", ".pdf")


def picture_file(_context: click.Context, _parameter: click.Parameter, path: Path | None) -> Path | None:
    """Refuse what can't become a picture; a callback of click's.

    Raises:
        click.BadParameter: another ending than those of `FORMATS`, or a folder that is not there.
    """
    if path is not None and path.suffix.lower() not in FORMATS:
        raise click.BadParameter(f"{path} names no format; end it in {', '.join(FORMATS[:-1])} or {FORMATS[-1]}")
    if path is not None and not path.parent.is_dir():
        raise click.BadParameter(f"there is no folder {path.parent}; make it first")
    return path
