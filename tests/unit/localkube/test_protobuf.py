"""The protobuf bodies that kubectl sends are decoded."""

import pytest

from localkube.apiserver import protobuf, requests
from localkube.apiserver.errors import BadRequest, UnsupportedMediaType


def text(number, value):
    data = value if isinstance(value, bytes) else value.encode()
    assert len(data) < 128
    return bytes([number << 3 | 2, len(data)]) + data


def body(api_version, kind, raw):
    return b"k8s\x00" + text(1, text(1, api_version) + text(2, kind)) + text(2, raw)


METADATA = text(1, text(1, "x") + text(11, text(1, "k") + text(2, "v")) + text(8, b""))


@pytest.mark.parametrize(
    ("api_version", "kind", "raw", "expected"),
    [
        ("v1", "Namespace", METADATA, {}),
        ("v1", "ResourceQuota", METADATA + text(2, text(1, text(1, "pods") + text(2, text(1, "5")))), {"spec": {"hard": {"pods": "5"}}}),
        ("v1", "Secret", METADATA + text(2, text(1, "a") + text(2, b"\xff")) + text(3, "Opaque"), {"data": {"a": "/w=="}, "type": "Opaque"}),
        ("v1", "ConfigMap", METADATA + text(2, text(1, "a") + text(2, "b")) + bytes([4 << 3, 1]), {"data": {"a": "b"}, "immutable": True}),
    ],
)  # fmt: skip
def test_decode(api_version, kind, raw, expected):
    """Names, labels and contents equal those of the JSON form."""
    metadata = {"name": "x", "labels": {"k": "v"}}
    assert protobuf.decode(body(api_version, kind, raw)) == {
        "apiVersion": api_version,
        "kind": kind,
        "metadata": metadata,
        **expected,
    }


def test_other_kinds_are_rejected_with_the_correction():
    """A kind outside the table is 415, and the message names the correction."""
    with pytest.raises(UnsupportedMediaType, match="batch/v1 Job from protobuf; send it as JSON or YAML"):
        protobuf.decode(body("batch/v1", "Job", METADATA))


@pytest.mark.parametrize(
    "data", [b"", b"nonsense", b"k8s\x00\xff", b"k8s\x00\x0a\x7f", body("v1", "Namespace", b"\x0a\x7fxx")]
)
def test_damaged_bytes_are_a_bad_request(data):
    """Damage never causes an internal error."""
    with pytest.raises(BadRequest):
        protobuf.decode(data)


@pytest.mark.parametrize(
    ("media", "data", "error"),
    [
        ("application/cbor", b"\x00", UnsupportedMediaType),
        ("application/json", b"{", BadRequest),
        ("application/yaml", b"{", BadRequest),
    ],
)
def test_undecodable_bodies_are_rejected(media, data, error):
    """Unknown encodings are 415, malformed ones 400."""
    with pytest.raises(error):
        requests.body(media, data)
