"""Parsing of request bodies."""

import pytest

from localkube.apiserver.requests import body

APPLY = "application/apply-patch+yaml"


@pytest.mark.parametrize(
    ("media", "data", "value"),
    [
        pytest.param("application/json", b'{"min": 1e-06}', {"min": 1e-6}, id="json"),
        pytest.param(APPLY, b'{"min": 1e-06}', {"min": 1e-6}, id="json-as-yaml"),
        pytest.param(APPLY, b"min: 1e-6", {"min": 1e-6}, id="yaml-without-a-point"),
        pytest.param(APPLY, b"min: 1.5E+3", {"min": 1500.0}, id="yaml-with-a-point"),
        pytest.param(APPLY, b"name: 1e-6x", {"name": "1e-6x"}, id="no-number"),
        pytest.param("application/json", b"", None, id="nothing"),
    ],
)
def test_bodies(media, data, value):
    """Numbers with an exponent are numbers in YAML as in JSON: clients send both."""
    assert body(media, data) == value
