"""The option --dir."""

import click
import pytest
from click.testing import CliRunner

from toprung.cli.commands.local import local_group
from toprung.cli.commands.run import run_command


@pytest.mark.parametrize(
    ("command", "arguments"),
    [
        pytest.param(run_command, ["experiment.yaml"], id="run"),
        pytest.param(local_group, ["up"], id="up"),
        pytest.param(local_group, ["down", "--wipe"], id="down"),
        pytest.param(local_group, ["status"], id="status"),
    ],
)
def test_an_empty_folder_name_is_refused(command, arguments, tmp_path, monkeypatch):
    """An unset variable of a script does not turn the current folder into a state folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "experiment.yaml").touch()
    outcome = CliRunner().invoke(command, [*arguments, "--dir", ""])
    assert outcome.exit_code == click.UsageError.exit_code
    assert "Write the path of a folder" in " ".join(outcome.output.split())
    assert [path.name for path in tmp_path.iterdir()] == ["experiment.yaml"]
