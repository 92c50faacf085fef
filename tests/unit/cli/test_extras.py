"""The packages that each command needs: the operator runs with the core dependencies alone."""

import subprocess
import sys

import pytest

LAPTOP = ("cel", "localkube", "matplotlib", "rich")
"""Modules that are not in the operator's image. It has jsonpatch, which kopf needs."""


def python(program, *arguments):
    return subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("module", ["toprung.cli.commands.operator", "toprung.cli.commands.validate"])
def test_the_commands_of_the_core_import_no_package_of_an_extra(module):
    """`toprung operator` and `toprung validate` import none of LAPTOP."""
    ran = python(f"import sys, toprung.cli.main, {module}; print(*sys.modules)")
    assert ran.returncode == 0, ran.stderr
    assert module in ran.stdout.split()
    assert {name.partition(".")[0] for name in ran.stdout.split()}.isdisjoint(LAPTOP)


WITHOUT_EXTRAS = f"""
import sys
sys.modules.update(dict.fromkeys({LAPTOP}))
from toprung.cli.main import main
main(sys.argv[1:])
"""
"""Runs the command line as after `pip install toprung`, with no extra."""


@pytest.mark.parametrize(
    ("arguments", "extra"),
    [
        (["run", "experiment.yaml", "--gpus", "2"], "local"),
        (["local", "up"], "local"),
        (["local", "--help"], "local"),
        (["plot", "mnist", "-o", "mnist.png"], "cli"),
        (["simulate", "experiment.yaml", "--table", "curves.csv"], "cli"),
    ],
    ids=" ".join,
)
def test_a_command_without_its_extra_names_the_extra(arguments, extra):
    """The error is one line, with the command that installs what is missing."""
    ran = python(WITHOUT_EXTRAS, *arguments)
    assert ran.returncode == 1
    assert ran.stderr.startswith(f"Error: `toprung {arguments[0]}` needs the package ")
    assert ran.stderr.endswith(f"pip install '.[{extra}]'\n")
    assert ran.stderr.count("\n") == 1


@pytest.mark.parametrize("arguments", [["--help"], ["operator", "--help"], ["validate", "--help"]], ids=" ".join)
def test_help_of_the_core_works_without_extras(arguments):
    """`toprung --help` lists every command, whether or not its extra is installed."""
    ran = python(WITHOUT_EXTRAS, *arguments)
    assert ran.returncode == 0, ran.stderr
    assert "Usage: toprung" in ran.stdout
