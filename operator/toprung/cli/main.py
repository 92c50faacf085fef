"""The command line `toprung`: imports each command on use and prints expected errors without a traceback."""

import sys
from importlib import import_module
from importlib.metadata import version
from typing import Any

import click

from toprung.errors import TopRungError

COMMANDS = {
    "run": "toprung.cli.commands.run:run_command",
    "validate": "toprung.cli.commands.validate:validate_command",
    "plot": "toprung.cli.commands.plot:plot_command",
    "simulate": "toprung.cli.commands.simulate:simulate_command",
    "local": "toprung.cli.commands.local:local_group",
    "operator": "toprung.cli.commands.operator:operator_command",
}
"""Name -> location. A command is imported on use, so that it needs only its own packages."""
EXTRAS = {"run": "local", "local": "local", "plot": "cli", "simulate": "cli"}
"""Command -> extra of the package `toprung` that installs what it imports; the other commands need none."""


class MissingExtra(TopRungError):
    """A command needs packages that are not installed."""


class LazyGroup(click.Group):
    """A group that imports a command on use."""

    def list_commands(self, _context: click.Context) -> list[str]:
        """Return the names of the commands."""
        return list(COMMANDS)

    def get_command(self, _context: click.Context, name: str) -> click.Command | None:
        """Import a command; return one that only raises MissingExtra where its extra is not installed."""
        if name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[name].partition(":")
        try:
            command: click.Command = getattr(import_module(module), attribute)
        except ModuleNotFoundError as error:
            package = (error.name or "").partition(".")[0]
            if name not in EXTRAS or package == "toprung":
                raise
            return _unavailable(name, package)
        return command


def _unavailable(name: str, package: str) -> click.Command:
    extra = EXTRAS[name]

    def fail(**_arguments: Any) -> None:
        raise MissingExtra(
            f"`toprung {name}` needs the package {package}. In the repository of TopRung, run pip install '.[{extra}]'"
        )

    return click.Command(
        name,
        callback=fail,
        params=[click.Argument(["arguments"], nargs=-1, type=click.UNPROCESSED)],
        short_help=f"Not installed: needs pip install '.[{extra}]'.",
        context_settings={"ignore_unknown_options": True},
        add_help_option=False,
    )


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "show_default": True})
@click.version_option(version("toprung"), prog_name="toprung")
def group() -> None:
    """Tune hyperparameters on Kubernetes, or on this machine with the same YAML."""


def main(arguments: list[str] | None = None) -> Any:
    """Run the command line. A TopRungError is printed in one line, without a traceback, and exits with code 1."""
    try:
        return group(args=arguments, prog_name="toprung")
    except TopRungError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(1)
