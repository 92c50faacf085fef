"""Selects the proxy of a URL, by HTTP_PROXY, HTTPS_PROXY and NO_PROXY as Go's httpproxy (and so kubectl) reads them.

Loopback is never proxied. An entry of NO_PROXY is `*`, an address, a CIDR, a domain (with its subdomains), or `.domain`
(its subdomains only), each but a CIDR with an optional port.
"""

from collections.abc import Mapping
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import SplitResult, urlsplit

_PORTS = {"http": 80, "https": 443}
Address = IPv4Address | IPv6Address


def proxy_for(url: str, environment: Mapping[str, str]) -> str | None:
    """Return the URL of the proxy for a URL, None where it is reached directly."""
    target = urlsplit(url)
    proxy = _variable(environment, f"{target.scheme}_proxy")
    if not proxy or not target.hostname or _bypassed(target, _variable(environment, "no_proxy")):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


def _variable(environment: Mapping[str, str], name: str) -> str:
    return environment.get(name.upper()) or environment.get(name, "")


def _bypassed(target: SplitResult, exceptions: str) -> bool:
    host = (target.hostname or "").rstrip(".")
    address = _address(host)
    if host == "localhost" or (address is not None and address.is_loopback):
        return True
    port = target.port or _PORTS.get(target.scheme, 0)
    entries = (entry.strip().lower() for entry in exceptions.split(","))
    return any(_matches(entry, host, address, port) for entry in entries if entry)


def _matches(entry: str, host: str, address: Address | None, port: int) -> bool:
    if entry == "*":
        return True
    if "/" in entry:
        return address is not None and _contains(entry, address)
    name, wanted = _split_port(entry)
    if wanted and wanted != str(port):
        return False
    if (literal := _address(name)) is not None:
        return literal == address
    name = name.removeprefix("*")
    if name.startswith("."):
        return host.endswith(name)
    return host == name or host.endswith(f".{name}")


def _split_port(entry: str) -> tuple[str, str]:
    """Split `host:port` or `[address]:port`; a bare IPv6 address has no port."""
    name, colon, port = entry.rpartition(":")
    if colon and port.isdigit() and (":" not in name or name.endswith("]")):
        return name.strip("[]"), port
    return entry.strip("[]"), ""


def _address(text: str) -> Address | None:
    try:
        return ip_address(text)
    except ValueError:
        return None


def _contains(network: str, address: Address) -> bool:
    try:
        return address in ip_network(network, strict=False)
    except ValueError:
        return False
