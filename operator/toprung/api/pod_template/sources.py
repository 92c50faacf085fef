"""Validates the sources of a container as an API server does: variables, volumes, probes."""

import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

from toprung.api.messages import shown
from toprung.api.pod_template.schema import PLACEHOLDER, ValueCheck, fields_of
from toprung.errors import FieldError

_DNS_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_DNS_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_KEY = re.compile(r"[-._a-zA-Z0-9]{1,253}")
_VARIABLE = re.compile(r"[ -<>-~]+")
_LABEL_ADVICE = "Write at most 63 of a-z, 0-9 and -, with no - at the ends."
_MAX_NAME = 253


def validate_dns_label(name: Any, path: str) -> Iterator[FieldError]:
    """Check the name of an object that DNS labels are made of; a value that is not a string is ignored."""
    if isinstance(name, str) and PLACEHOLDER not in name and not _DNS_LABEL.fullmatch(name):
        yield FieldError(path, f"Invalid value: {shown(name)} is not a DNS label. {_LABEL_ADVICE}")


def _subdomain(name: Any, path: str) -> Iterator[FieldError]:
    if name is None or name == "":
        yield FieldError(path, "Required value: write the name of the object.")
    elif isinstance(name, str) and PLACEHOLDER not in name and not _DNS_SUBDOMAIN.fullmatch(name[: _MAX_NAME + 1]):
        yield FieldError(path, f"Invalid value: {shown(name)} can't name an object. Write a-z, 0-9, - and . only.")


def _volume(volume: Mapping[str, Any], path: str) -> Iterator[FieldError]:
    yield from validate_dns_label(volume.get("name"), f"{path}name")
    sources = [key for key, value in volume.items() if key != "name" and value is not None]
    if len(sources) > 1:
        found = f"a volume has one source, not {' and '.join(sources[:4])}"
        yield FieldError(path.removesuffix("."), f"Forbidden: {found}. Keep one of them.")


def _variable(variable: Mapping[str, Any], path: str) -> Iterator[FieldError]:
    name = variable.get("name")
    if isinstance(name, str) and PLACEHOLDER not in name and not _VARIABLE.fullmatch(name):
        yield FieldError(
            f"{path}name", f"Invalid value: {shown(name)} can't name a variable. Write printable ASCII, no =."
        )
    if variable.get("value") not in (None, "") and variable.get("valueFrom") is not None:
        yield FieldError(f"{path}valueFrom", "Forbidden: value is set as well. Keep one of the two.")


def _one_source(*sources: str) -> ValueCheck:
    def check(value: Mapping[str, Any], path: str) -> Iterator[FieldError]:
        found = [source for source in sources if value.get(source) is not None]
        if len(found) != 1:
            yield FieldError(path.removesuffix("."), f"Invalid value: must have exactly one of {', '.join(sources)}.")

    return check


def _named(field: str) -> ValueCheck:
    """Return the check of a volume's source; its name is looked up only when the Pod is started."""

    def check(source: Mapping[str, Any], path: str) -> Iterator[FieldError]:
        if source.get(field) in (None, ""):
            yield FieldError(f"{path}{field}", "Required value: write the name of the object.")
        yield from _mode(source.get("defaultMode"), f"{path}defaultMode")

    return check


def _object_name(source: Mapping[str, Any], path: str) -> Iterator[FieldError]:
    return _subdomain(source.get("name"), f"{path}name")


def _key_to_path(item: Mapping[str, Any], path: str) -> Iterator[FieldError]:
    yield from _relative(item.get("path"), f"{path}path")
    yield from _mode(item.get("mode"), f"{path}mode")


def _mount(mount: Mapping[str, Any], path: str) -> Iterator[FieldError]:
    yield from _relative(mount.get("subPath"), f"{path}subPath")
    yield from _relative(mount.get("subPathExpr"), f"{path}subPathExpr")


def _relative(value: Any, path: str) -> Iterator[FieldError]:
    if isinstance(value, str) and (value.startswith("/") or ".." in value.split("/")):
        yield FieldError(
            path, f"Invalid value: {shown(value)} must be a relative path. Write it without / in front and ..."
        )


def _mode(value: Any, path: str) -> Iterator[FieldError]:
    if isinstance(value, int) and not isinstance(value, bool) and not 0 <= value <= 0o777:  # noqa: PLR2004
        yield FieldError(path, f"Invalid value: {shown(value)} is no file mode. Write 0 to 511 (0777 in octal).")


def _key_of_object(selector: Mapping[str, Any], path: str) -> Iterator[FieldError]:
    yield from _subdomain(selector.get("name"), f"{path}name")
    key = selector.get("key")
    if isinstance(key, str) and key and PLACEHOLDER not in key and not _KEY.fullmatch(key):
        yield FieldError(
            f"{path}key", f"Invalid value: {shown(key)} can't be a key. Write A-Z, a-z, 0-9, -, _ and . only."
        )


SOURCES: Mapping[str, ValueCheck] = MappingProxyType(
    {
        "ConfigMapEnvSource": _object_name,
        "ConfigMapKeySelector": _key_of_object,
        "ConfigMapVolumeSource": _named("name"),
        "EnvFromSource": _one_source("configMapRef", "secretRef"),
        "EnvVar": _variable,
        "EnvVarSource": _one_source(*fields_of("EnvVarSource")),
        "KeyToPath": _key_to_path,
        "PersistentVolumeClaimVolumeSource": _named("claimName"),
        "Probe": _one_source("exec", "grpc", "httpGet", "tcpSocket"),
        "SecretEnvSource": _object_name,
        "SecretKeySelector": _key_of_object,
        "SecretVolumeSource": _named("secretName"),
        "Volume": _volume,
        "VolumeMount": _mount,
    }
)
"""Type of an object -> rule for its values."""
