"""The check of the path of a plot."""

import click
import pytest
from click.testing import CliRunner

from toprung.cli.commands.options import plot_path
from toprung.cli.commands.run import run_command


@pytest.mark.parametrize(
    ("name", "fragment"),
    [
        pytest.param("curves.txt", "has no supported format. End it with .png, .svg or .pdf.", id="another-format"),
        pytest.param("curves", "has no supported format", id="no-ending"),
        pytest.param("nowhere/curves.png", "does not exist. Create it first.", id="no-folder"),
    ],
)
def test_a_plot_path_that_cannot_be_written_is_rejected(name, fragment, tmp_path):
    """The command fails before it runs anything, not after hours of work."""
    (tmp_path / "experiment.yaml").touch()
    arguments = [str(tmp_path / "experiment.yaml"), "--dir", str(tmp_path / "state"), "--picture", str(tmp_path / name)]
    outcome = CliRunner().invoke(run_command, arguments)
    assert outcome.exit_code == click.UsageError.exit_code
    assert fragment in " ".join(outcome.output.split())
    assert not (tmp_path / "state").exists()


@pytest.mark.parametrize("name", ["a.png", "a.SVG", "a.pdf"])
def test_a_supported_plot_format_is_accepted(name, tmp_path):
    """The case of the suffix does not matter."""
    assert plot_path(None, None, tmp_path / name) == tmp_path / name
