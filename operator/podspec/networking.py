"""Rules of names, DNS and ports."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from podspec.findings import Finding, duplicate, forbidden, invalid, required, too_long
from podspec.objects import Check, Object, at, containers, dig, items, known

_MAX_NAMESERVERS, _MAX_SEARCHES, _MAX_SEARCH_LIST, _MAX_HOSTNAME = 3, 32, 2048, 64


def _dns(config: Object, path: str) -> Iterator[Finding]:
    for field, most in (("nameservers", _MAX_NAMESERVERS), ("searches", _MAX_SEARCHES)):
        found = config.get(field) or []
        if len(found) > most:
            yield invalid(at(path, field), found, f"must not have more than {most} items")
    searches = config.get("searches") or []
    if len(" ".join(searches)) > _MAX_SEARCH_LIST:
        yield too_long(at(path, "searches"), _MAX_SEARCH_LIST, "characters (including spaces)")


def _dns_policy(spec: Object, path: str) -> Iterator[Finding]:
    if spec.get("dnsPolicy") == "None" and not dig(spec, "dnsConfig", "nameservers"):
        yield required(at(path, "dnsConfig.nameservers"), "must provide a DNS nameserver when `dnsPolicy` is None")


def _hostname_override(spec: Object, path: str) -> Iterator[Finding]:
    name, where = spec.get("hostnameOverride"), at(path, "hostnameOverride")
    if name is None:
        return
    for field in ("setHostnameAsFQDN", "hostNetwork"):
        if spec.get(field) is True:
            yield forbidden(where, f"may not be specified when {field} is true")
    if known(name) and len(name) > _MAX_HOSTNAME:
        yield too_long(where, _MAX_HOSTNAME)


def _host_ports(spec: Object, path: str) -> Iterator[Finding]:
    """Check that host ports differ. Init containers run one by one, so only their own ports must differ."""
    for where, container in items(spec, "initContainers", path):
        yield from _unique_ports([(where, container)], host_network=False)
    yield from _unique_ports(list(items(spec, "containers", path)), host_network=spec.get("hostNetwork") is True)


def _unique_ports(found: list[tuple[str, Object]], *, host_network: bool) -> Iterator[Finding]:
    seen = set()
    for path, container in found:
        for place, port in items(container, "ports", path):
            where, here, host = at(place, "hostPort"), port.get("containerPort"), port.get("hostPort")
            if host_network and host not in (None, 0, here):
                yield invalid(where, host, "must match `containerPort` when `hostNetwork` is true")
            number = host or (here if host_network else None)
            key = f"{port.get('protocol') or 'TCP'}/{port.get('hostIP') or ''}/{number}"
            if number and key in seen:
                yield duplicate(where, key)
            seen.add(key)


def _host_users(spec: Object, path: str) -> Iterator[Finding]:
    if spec.get("hostUsers") is not False:
        return
    for field in ("hostPID", "hostIPC", "hostNetwork"):
        if spec.get(field) is True:
            yield forbidden(at(path, field), "when `hostUsers` is false")
    for where, container in containers(spec, path):
        if container.get("volumeDevices"):
            yield forbidden(at(where, "volumeDevices"), "when `hostUsers` is false")


def _process_namespace(spec: Object, path: str) -> Iterator[Finding]:
    if spec.get("hostPID") is True and spec.get("shareProcessNamespace") is True:
        detail = "ShareProcessNamespace and HostPID cannot both be enabled"
        yield invalid(at(path, "shareProcessNamespace"), spec["shareProcessNamespace"], detail)


RULES: Mapping[str, tuple[Check, ...]] = MappingProxyType(
    {
        "PodDNSConfig": (_dns,),
        "PodSpec": (_dns_policy, _hostname_override, _host_ports, _host_users, _process_namespace),
    }
)
