"""The size of the pages of a list."""

import pytest

from toprung.kube.client import page_limit


@pytest.mark.parametrize(
    ("items", "size", "limit"),
    [
        pytest.param(20, 40_000, 262, id="small objects"),
        pytest.param(20, 20 * 73_000, 7, id="large objects"),
        pytest.param(1, 1_500_000, 1, id="objects as large as etcd allows"),
        pytest.param(20, 2_000, 500, id="no more than 500"),
        pytest.param(0, 100, 500, id="an empty page"),
    ],
)
def test_pages_are_bounded_in_bytes(items, size, limit):
    """Decoding half a MiB blocks the event loop for about 10 ms."""
    assert page_limit(items, size) == limit
