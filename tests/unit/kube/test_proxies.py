"""The proxy of a request, as in kubectl."""

import pytest

from toprung.kube.proxies import proxy_for

PROXY = "http://proxy:3128"


@pytest.mark.parametrize(
    ("url", "no_proxy", "proxied"),
    [
        ("http://example.com", "", True),
        ("http://127.0.0.1:8080", "", False),
        ("http://127.8.0.1", "", False),
        ("http://[::1]:80", "", False),
        ("http://localhost:80", "", False),
        ("http://LOCALHOST.:80", "", False),
        ("http://10.1.2.3", "10.0.0.0/8", False),
        ("http://11.1.2.3", "10.0.0.0/8", True),
        ("http://10.1.2.3", "10.1.2.3", False),
        ("http://10.1.2.3:81", "10.1.2.3:80", True),
        ("http://10.1.2.3:80", "10.1.2.3:80", False),
        ("http://[fd00::1]:80", "fd00::/8", False),
        ("http://[fd00::1]:80", "[fd00::1]:80", False),
        ("http://[fd00::1]:80", "fd00::1", False),
        ("http://api.example.com", "example.com", False),
        ("http://example.com", "example.com", False),
        ("http://badexample.com", "example.com", True),
        ("http://example.com", ".example.com", True),
        ("http://api.example.com", ".example.com", False),
        ("http://api.example.com", "*.example.com", False),
        ("http://api.example.com:8080", "example.com:8080", False),
        ("http://api.example.com:8081", "example.com:8080", True),
        ("http://api.example.com", "EXAMPLE.com", False),
        ("http://example.com", "other, example.com ,", False),
        ("http://example.com", "*", False),
        ("http://example.com", "10.0.0.0/99,:,/", True),
        ("http://10.0.0.1", "10.0.0.0/8,127.0.0.0/8", False),
    ],
)
def test_no_proxy_lists_addresses_networks_domains_and_ports(url, no_proxy, proxied):
    """Loopback addresses never use a proxy."""
    assert proxy_for(url, {"HTTP_PROXY": PROXY, "NO_PROXY": no_proxy}) == (PROXY if proxied else None)


@pytest.mark.parametrize(
    ("url", "environment", "proxy"),
    [
        ("http://a", {}, None),
        ("http://a", {"http_proxy": "p:1"}, "http://p:1"),
        ("http://a", {"HTTPS_PROXY": "p:1"}, None),
        ("https://a", {"HTTPS_PROXY": "http://p:1", "HTTP_PROXY": "http://q:1"}, "http://p:1"),
        ("https://a", {"https_proxy": "http://p:1", "no_proxy": "a:443"}, None),
        ("https://a", {"HTTPS_PROXY": "http://p:1", "https_proxy": "http://q:1"}, "http://p:1"),
    ],
)
def test_each_scheme_has_its_variable(url, environment, proxy):
    """Variables in capitals come first. A proxy without a scheme is an HTTP proxy."""
    assert proxy_for(url, environment) == proxy
