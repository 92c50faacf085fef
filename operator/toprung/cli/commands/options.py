"""Command-line options that several commands share."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])
PLOT_FORMATS = (".png", ".svg", ".pdf")

kubeconfig_option = click.option(
    "--kubeconfig", type=click.Path(path_type=Path, dir_okay=False), help="Path of the kubeconfig file."
)
context_option = click.option("--context", help="Context of the kubeconfig file.")
output_option = click.option(
    "-o", "--output", type=click.Choice(["text", "json"]), default="text", show_default=True, help="Output format."
)


def plot_path(_context: click.Context, _parameter: click.Parameter, path: Path | None) -> Path | None:
    """Validate the path of a plot before the work that it shows; a callback of click.

    Raises:
        click.BadParameter: the suffix is not one of `PLOT_FORMATS`, or the folder does not exist.
    """
    if path is not None and path.suffix.lower() not in PLOT_FORMATS:
        formats = f"{', '.join(PLOT_FORMATS[:-1])} or {PLOT_FORMATS[-1]}"
        raise click.BadParameter(f"{path} has no supported format. End it with {formats}.")
    if path is not None and not path.parent.is_dir():
        raise click.BadParameter(f"the folder {path.parent} does not exist. Create it first.")
    return path


def picture_option(text: str) -> Callable[[Command], Command]:
    """Return the option --picture: the path of a plot to write."""
    path = click.Path(path_type=Path, dir_okay=False)
    return click.option("--picture", type=path, callback=plot_path, help=f"PNG, SVG or PDF file for a plot of {text}.")
