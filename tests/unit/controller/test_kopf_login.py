"""kopf and the client use the same cluster."""

from collections.abc import Callable

import pytest
from kubernetes.aio.client import Configuration

from toprung.controller.kopf_adapter import connection_to


def with_token(configuration: Configuration) -> None:
    configuration.api_key["BearerToken"] = "Bearer secret"


def with_password(configuration: Configuration) -> None:
    configuration.api_key["BearerToken"] = "Basic bWU6c2VjcmV0"


def with_certificate(configuration: Configuration) -> None:
    configuration.cert_file, configuration.key_file = "me.crt", "me.key"


@pytest.mark.parametrize(
    ("prepare", "headers", "certificate"),
    [
        pytest.param(with_token, {"Authorization": "Bearer secret"}, (None, None), id="token"),
        pytest.param(with_password, {"Authorization": "Basic bWU6c2VjcmV0"}, (None, None), id="password"),
        pytest.param(with_certificate, {}, ("me.crt", "me.key"), id="certificate"),
    ],
)
async def test_kopf_uses_the_credentials_of_the_client(prepare: Callable, headers: dict, certificate: tuple):
    """Server, certificate authority and credentials of any kind are the same."""
    configuration = Configuration(host="https://10.0.0.1:443", ssl_ca_cert="ca.crt")
    prepare(configuration)
    connection = await connection_to(configuration)
    assert (connection.server, connection.ca_path, connection.insecure) == ("https://10.0.0.1:443", "ca.crt", False)
    assert connection.as_http_headers() == headers
    assert (connection.certificate_path, connection.private_key_path) == certificate
