"""The reason why the program of a container could not be started."""

import pytest

from localkube.node.processes import start_error


@pytest.mark.parametrize(
    ("fields", "holder"),
    [
        pytest.param({"argv": ["train", "a\0b"]}, "command or args", id="argument"),
        pytest.param({"cwd": "/a\0b"}, "workingDir", id="folder"),
        pytest.param({"env": {"LR": "1", "NAME": "a\0b"}}, "env NAME", id="variable"),
    ],
)
def test_a_nul_byte_is_named(fields, holder):
    """A server accepts such a Pod; the message names the field."""
    message = {"argv": ["train"], "cwd": "/", "env": {}, **fields}
    expected = f"{holder}: invalid argument: has a NUL byte, which no program can receive"
    assert start_error(ValueError("embedded null byte"), message) == expected
