"""The command line: `toprung ...`."""

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
"""Name -> where it is; imported when it is called, so that no command waits for another one's packages."""


class LazyGroup(click.Group):
    """A group whose commands are imported when they are needed."""

    def list_commands(self, _context: click.Context) -> list[str]:
        """Name the commands."""
        return list(COMMANDS)

    def get_command(self, _context: click.Context, name: str) -> click.Command | None:
        """Import a command."""
        if name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[name].partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "show_default": True})
@click.version_option(version("toprung"), prog_name="toprung")
def group() -> None:
    """Tune hyperparameters on Kubernetes, or on this machine with the same YAML."""


def main(arguments: list[str] | None = None) -> Any:
    """Run the command line; an error that has a cause to tell is told in one line, without a traceback."""
    try:
        return group(args=arguments, prog_name="toprung")
    except TopRungError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(1)
