"""The log of a container is complete, bounded on disk, and selected by query parameters."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from localkube.apiserver.errors import BadRequest
from localkube.apiserver.log_source import LogQuery
from support.node import Machine, container, pod, until
from support.node_processes import sh


async def test_a_log_of_a_long_line_and_binary_data_is_unchanged(m: Machine) -> None:
    """A megabyte without a newline and all byte values are returned unchanged."""
    program = "import sys; o=sys.stdout.buffer; o.write(b'x'*1000000+b'\\n'+bytes(range(256))*40+b'\\nend')"
    m.create(pod("p", container("python", "-c", program)))
    await m.ended("p")
    assert await m.log("p") == b"x" * 1_000_000 + b"\n" + bytes(range(256)) * 40 + b"\nend\n"


async def test_a_flood_of_output_is_bounded_on_disk(m: Machine) -> None:
    """Of 60 MB at most two files of 10 MiB and the last line remain. Another Pod runs in the meantime."""
    flood = "import sys; l=b'y'*999+b'\\n'\nfor _ in range(60): sys.stdout.buffer.write(l*1000)\nprint('last')"
    m.create(pod("flood", container("python", "-c", flood)))
    m.create(pod("other", sh("exit 0")))
    await m.ended("other")
    await m.ended("flood")
    files = m.node.host.log(m.get("flood"), "main", 0).parent.iterdir()
    assert sum(file.stat().st_size for file in files) <= 20 * 1024 * 1024
    assert await m.log("flood", tail_lines=1) == b"last\n"


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        pytest.param({"tail_lines": 2}, b"l3\nl4\n", id="tail"),
        pytest.param({"tail_lines": 0}, b"", id="no-tail"),
        pytest.param({"limit_bytes": 4}, b"l1\nl", id="bytes"),
        pytest.param({"since_seconds": 3600}, b"l1\nl2\nl3\nl4\n", id="since"),
        pytest.param({"container": "main", "tail_lines": 1}, b"l4\n", id="container"),
    ],
)
async def test_query_parameters_select_a_part_of_a_log(m: Machine, query: dict[str, Any], expected: bytes) -> None:
    """The parameters are those of kubectl logs."""
    m.create(pod("p", sh("printf 'l1\\nl2\\nl3\\nl4\\n'")))
    await m.ended("p")
    assert await m.log("p", **query) == expected


async def test_since_time_includes_the_line_of_that_time(m: Machine) -> None:
    """A log from the time of a known line has this line and all later ones."""
    m.create(pod("p", sh("for i in 1 2 3 4; do echo $i; sleep 0.01; done")))
    await m.ended("p")
    lines = (await m.log("p", timestamps=True)).splitlines(keepends=True)
    assert [line.split()[1] for line in lines] == [b"1", b"2", b"3", b"4"]
    third = datetime.fromisoformat(lines[2].split()[0].decode())
    assert await m.log("p", timestamps=True, since_time=third) == b"".join(lines[2:])


async def test_following_ends_with_the_container_and_has_every_line(m: Machine) -> None:
    """A stream that is opened while the container runs has all lines and then ends."""
    m.create(pod("p", sh("for i in $(seq 200); do echo $i; done; sleep 0.1; echo end")))
    await until(lambda: m.status("p").get("phase") == "Running")
    assert await m.log("p", follow=True) == b"".join(b"%d\n" % n for n in range(1, 201)) + b"end\n"


@pytest.mark.parametrize(
    ("query", "message"),
    [
        pytest.param({}, r"a container name must be specified for pod p, choose one of: \[a b\]", id="which"),
        pytest.param({"container": "c"}, "container c is not valid for pod p", id="unknown"),
        pytest.param(
            {"container": "a", "previous": True},
            'previous terminated container "a" in pod "p" not found',
            id="previous",
        ),
        pytest.param({"container": "a", "tail_lines": -1}, "tailLines: Invalid value: -1", id="tail"),
    ],
)
async def test_a_log_that_does_not_exist_is_an_error(m: Machine, query: dict[str, Any], message: str) -> None:
    """The status is 400 and the message that of the kubelet."""
    m.create(pod("p", sh("exit 0", name="a"), sh("exit 0", name="b")))
    await m.ended("p")
    with pytest.raises(BadRequest, match=message):
        m.logs.read(m.get("p"), LogQuery(**query))
