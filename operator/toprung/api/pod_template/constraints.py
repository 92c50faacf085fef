"""Validates the values of a Pod template against tables: enumerations, ranges, formats, exclusive fields.

The tables follow Kubernetes' validation of Pods. A value with a placeholder gets its content later and is skipped.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from ipaddress import ip_address
from types import MappingProxyType
from typing import Any

from toprung.api.messages import shown
from toprung.api.pod_template.schema import PLACEHOLDER, ValueCheck
from toprung.errors import FieldError

_PROFILES = ("Localhost", "RuntimeDefault", "Unconfined")
_OPERATORS = ("In", "NotIn", "Exists", "DoesNotExist")
_ENUMS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "AppArmorProfile.type": _PROFILES,
        "ContainerResizePolicy.resourceName": ("cpu", "memory"),
        "ContainerResizePolicy.restartPolicy": ("NotRequired",),
        "HTTPGetAction.scheme": ("HTTP", "HTTPS"),
        "HostPathVolumeSource.type": (
            "DirectoryOrCreate", "Directory", "FileOrCreate", "File", "Socket", "CharDevice", "BlockDevice"
        ),
        "ImageVolumeSource.pullPolicy": ("Always", "IfNotPresent", "Never"),
        "LabelSelectorRequirement.operator": _OPERATORS,
        "NodeSelectorRequirement.operator": (*_OPERATORS, "Gt", "Lt"),
        "PodOS.name": ("linux", "windows"),
        "PodSecurityContext.fsGroupChangePolicy": ("Always", "OnRootMismatch"),
        "PodSecurityContext.seLinuxChangePolicy": ("MountOption", "Recursive"),
        "PodSecurityContext.supplementalGroupsPolicy": ("Merge", "Strict"),
        "SeccompProfile.type": _PROFILES,
        "SecurityContext.procMount": ("Default", "Unmasked"),
        "TopologySpreadConstraint.nodeAffinityPolicy": ("Honor", "Ignore"),
        "TopologySpreadConstraint.nodeTaintsPolicy": ("Honor", "Ignore"),
        "TopologySpreadConstraint.whenUnsatisfiable": ("DoNotSchedule", "ScheduleAnyway"),
        "VolumeMount.mountPropagation": ("None", "HostToContainer", "Bidirectional"),
        "VolumeMount.recursiveReadOnly": ("Disabled", "IfPossible", "Enabled"),
    }
)  # fmt: skip
_MAX = 2**31 - 1
_ID, _COUNT, _POSITIVE, _WEIGHT = (0, _MAX), (0, _MAX), (1, _MAX), (1, 100)
_RANGES: Mapping[str, tuple[int, int]] = MappingProxyType(
    {
        "ContainerPort.hostPort": (0, 65535),
        "GRPCAction.port": (1, 65535),
        "HTTPGetAction.port": (1, 65535),
        "PodSecurityContext.fsGroup": _ID,
        "PodSecurityContext.runAsGroup": _ID,
        "PodSecurityContext.runAsUser": _ID,
        "PodSecurityContext.supplementalGroups": _ID,
        "PodSpec.activeDeadlineSeconds": _POSITIVE,
        "PreferredSchedulingTerm.weight": _WEIGHT,
        "Probe.failureThreshold": _COUNT,
        "Probe.initialDelaySeconds": _COUNT,
        "Probe.periodSeconds": _COUNT,
        "Probe.successThreshold": _COUNT,
        "Probe.terminationGracePeriodSeconds": (1, 2**63 - 1),
        "Probe.timeoutSeconds": _COUNT,
        "SecurityContext.runAsGroup": _ID,
        "SecurityContext.runAsUser": _ID,
        "ServiceAccountTokenProjection.expirationSeconds": (600, 2**32),
        "SleepAction.seconds": _COUNT,
        "TCPSocketAction.port": (1, 65535),
        "TopologySpreadConstraint.maxSkew": _POSITIVE,
        "TopologySpreadConstraint.minDomains": _POSITIVE,
        "WeightedPodAffinityTerm.weight": _WEIGHT,
    }
)
_LABEL = (re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"), "a DNS label of at most 63 of a-z, 0-9 and -")
_PART = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = (re.compile(rf"(?=.{{1,253}}\Z){_PART}(\.{_PART})*"), "a name of a-z, 0-9, - and .")
_QUALIFIED = (
    re.compile(rf"({_PART}(\.{_PART})*/)?[A-Za-z0-9]([-A-Za-z0-9_.]{{0,61}}[A-Za-z0-9])?"),
    "a key such as example.com/name",
)
_LABEL_VALUE = (
    re.compile(r"(([A-Za-z0-9][-A-Za-z0-9_.]{0,61})?[A-Za-z0-9])?"),
    "a label value of at most 63 of A-Z, a-z, 0-9, -, _ and .",
)
_PORT_NAME = (
    re.compile(r"(?=.*[a-z])(?!.*--)[a-z0-9]([-a-z0-9]{0,13}[a-z0-9])?"),
    "a name of at most 15 of a-z, 0-9 and -, one letter at least",
)
_FORMATS: Mapping[str, tuple[re.Pattern[str], str]] = MappingProxyType(
    {
        "CSIVolumeSource.driver": (_SUBDOMAIN[0], "the name of a CSI driver"),
        "ConfigMapKeySelector.key": (re.compile(r"(?!\.\.).*", re.DOTALL), "a key that does not begin with .."),
        "ContainerPort.name": _PORT_NAME,
        "EnvFromSource.prefix": (re.compile(r"[ -<>-~]*"), "printable ASCII without ="),
        "HTTPGetAction.port": (re.compile(rf"{_PORT_NAME[0].pattern}"), "a port number or its name"),
        "HTTPHeader.name": (re.compile(r"[-A-Za-z0-9]+"), "the name of a header, of A-Z, a-z, 0-9 and -"),
        "HostAlias.hostnames": _SUBDOMAIN,
        "HostPathVolumeSource.path": (re.compile(r"(?!(.*/)?\.\.(/|\Z)).*", re.DOTALL), "a path without .."),
        "LabelSelectorRequirement.key": _QUALIFIED,
        "NFSVolumeSource.path": (re.compile(r"/.*", re.DOTALL), "an absolute path"),
        "NodeSelectorRequirement.key": _QUALIFIED,
        "NodeSelectorRequirement.values": _LABEL_VALUE,
        "PodAffinityTerm.namespaces": _LABEL,
        "PodAffinityTerm.topologyKey": _QUALIFIED,
        "PodReadinessGate.conditionType": _QUALIFIED,
        "PodSchedulingGate.name": _QUALIFIED,
        "PodSpec.hostname": _LABEL,
        "PodSpec.nodeName": _SUBDOMAIN,
        "PodSpec.runtimeClassName": _SUBDOMAIN,
        "PodSpec.serviceAccountName": _SUBDOMAIN,
        "PodSpec.subdomain": _LABEL,
        "SecretKeySelector.key": (re.compile(r"(?!\.\.).*", re.DOTALL), "a key that does not begin with .."),
        "TCPSocketAction.port": (_PORT_NAME[0], "a port number or its name"),
        "Toleration.key": _QUALIFIED,
        "Toleration.value": _LABEL_VALUE,
        "VolumeDevice.devicePath": (re.compile(r"(?!(.*/)?\.\.(/|\Z)).*", re.DOTALL), "a path without .."),
    }
)
"""Type and field -> pattern of its string or strings, and its description. An empty string counts as absent."""


def _strings(value: Any) -> Iterator[tuple[str, str]]:
    """Return the strings without placeholders in a field, each with the index that belongs to its path."""
    items = enumerate(value) if isinstance(value, list) else [("", value)]
    for i, item in items:
        if isinstance(item, str) and item and PLACEHOLDER not in item:
            yield f"[{i}]" if isinstance(value, list) else "", item


def _integers(value: Any) -> Iterator[tuple[str, int]]:
    items = enumerate(value) if isinstance(value, list) else [("", value)]
    for i, item in items:
        if isinstance(item, int) and not isinstance(item, bool):
            yield f"[{i}]" if isinstance(value, list) else "", item


def _enum_check(field: str, allowed: tuple[str, ...]) -> ValueCheck:
    def check(value: Mapping[str, Any], path: str) -> Iterator[FieldError]:
        for index, text in _strings(value.get(field)):
            if text not in allowed:
                message = f"Unsupported value: {shown(text)}. Write one of {', '.join(allowed)}."
                yield FieldError(f"{path}{field}{index}", message)

    return check


def _range_check(field: str, low: int, high: int) -> ValueCheck:
    def check(value: Mapping[str, Any], path: str) -> Iterator[FieldError]:
        for index, number in _integers(value.get(field)):
            if not low <= number <= high:
                message = f"Invalid value: {shown(number)} is out of range. Write {low} to {high}."
                yield FieldError(f"{path}{field}{index}", message)

    return check


def _format_check(field: str, pattern: re.Pattern[str], words: str) -> ValueCheck:
    def check(value: Mapping[str, Any], path: str) -> Iterator[FieldError]:
        for index, text in _strings(value.get(field)):
            if not pattern.fullmatch(text):
                message = f"Invalid value: {shown(text)} is not allowed. Write {words}."
                yield FieldError(f"{path}{field}{index}", message)

    return check


def _checks(kind: str) -> Iterator[ValueCheck]:
    """Return the checks of a type."""

    def fields(table: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
        return ((key.split(".")[1], rule) for key, rule in table.items() if key.split(".")[0] == kind)

    yield from (_enum_check(field, allowed) for field, allowed in fields(_ENUMS))
    yield from (_range_check(field, low, high) for field, (low, high) in fields(_RANGES))
    yield from (_format_check(field, pattern, words) for field, (pattern, words) in fields(_FORMATS))
    if kind in _RULES:
        yield _RULES[kind]


def _security(value: Mapping[str, Any], path: str) -> Iterator[FieldError]:
    added = (value.get("capabilities") or {}) if isinstance(value.get("capabilities"), dict) else {}
    raised = value.get("privileged") is True or "CAP_SYS_ADMIN" in _list(added.get("add"))
    if value.get("allowPrivilegeEscalation") is False and raised:
        message = "Forbidden: false contradicts privileged and CAP_SYS_ADMIN. Remove one of them."
        yield FieldError(f"{path}allowPrivilegeEscalation", message)


def _profile(value: Mapping[str, Any], path: str) -> Iterator[FieldError]:
    kind, local = value.get("type"), value.get("localhostProfile")
    if kind == "Localhost" and not local:
        yield FieldError(f"{path}localhostProfile", "Required value: type is Localhost. Write the path of the profile.")
    elif kind in _PROFILES[1:] and local:
        yield FieldError(f"{path}localhostProfile", "Forbidden: type is not Localhost. Remove it.")


def _requirement(value: Mapping[str, Any], path: str) -> Iterator[FieldError]:
    operator, count = value.get("operator"), len(_list(value.get("values")))
    if operator in ("In", "NotIn") and not count:
        yield FieldError(f"{path}values", f"Required value: {operator} compares with values. Write a list.")
    elif operator in ("Gt", "Lt") and count != 1:
        yield FieldError(f"{path}values", f"Required value: {operator} compares with one number. Write one.")
    elif operator in ("Exists", "DoesNotExist") and count:
        yield FieldError(f"{path}values", f"Forbidden: {operator} takes no values. Remove them.")


def _node_selector(value: Mapping[str, Any], path: str) -> Iterator[FieldError]:
    if value.get("nodeSelectorTerms") == []:
        yield FieldError(f"{path}nodeSelectorTerms", "Required value: write at least one term.")


def _toleration(value: Mapping[str, Any], path: str) -> Iterator[FieldError]:
    operator = value.get("operator") or "Equal"
    if not value.get("key") and operator in ("Equal", "Lt", "Gt"):
        yield FieldError(
            f"{path}key", "Required value: write the key of the taint, or operator: Exists for every taint."
        )
    if operator == "Exists" and value.get("value"):
        yield FieldError(f"{path}value", "Forbidden: Exists takes no value. Remove it.")
    if value.get("tolerationSeconds") is not None and value.get("effect") != "NoExecute":
        yield FieldError(f"{path}effect", "Invalid value: tolerationSeconds is set. Write NoExecute.")


def _spread(value: Mapping[str, Any], path: str) -> Iterator[FieldError]:
    if value.get("minDomains") is not None and value.get("whenUnsatisfiable") == "ScheduleAnyway":
        yield FieldError(f"{path}minDomains", "Forbidden: whenUnsatisfiable is not DoNotSchedule. Remove it.")
    yield from _label_keys(value, path)


def _label_keys(value: Mapping[str, Any], path: str) -> Iterator[FieldError]:
    for field in ("matchLabelKeys", "mismatchLabelKeys"):
        if value.get(field) and value.get("labelSelector") is None:
            yield FieldError(f"{path}{field}", "Forbidden: labelSelector is not set. Write it, or remove this field.")


def _exec(value: Mapping[str, Any], path: str) -> Iterator[FieldError]:
    if not value.get("command"):
        yield FieldError(f"{path}command", "Required value: write the command as a list.")


def _mount(value: Mapping[str, Any], path: str) -> Iterator[FieldError]:
    if value.get("subPath") and value.get("subPathExpr"):
        yield FieldError(f"{path}subPathExpr", "Forbidden: subPath is set as well. Keep one of the two.")
    if value.get("recursiveReadOnly") in ("Enabled", "IfPossible") and value.get("readOnly") is not True:
        yield FieldError(f"{path}recursiveReadOnly", "Forbidden: readOnly is not true. Set it, or remove this field.")


_PATHS = r"metadata\.(name|namespace|uid)|metadata\.labels\['{label}'\]|metadata\.annotations\['{annotation}'\]".format(
    label=_QUALIFIED[0].pattern, annotation=_QUALIFIED[0].pattern.replace("a-z", "A-Za-z")
)
_ENV_PATHS = re.compile(rf"{_PATHS}|spec\.(nodeName|serviceAccountName)|status\.(hostIPs?|podIPs?)")
_FILE_PATHS = re.compile(rf"{_PATHS}|metadata\.(labels|annotations)")
_RESOURCES = re.compile(r"(limits|requests)\.(cpu|memory|ephemeral-storage|hugepages-.+)")


def _reference_check(paths: re.Pattern[str], examples: str) -> ValueCheck:
    """Return the check of a reference to a field or a resource of the Pod itself."""

    def check(value: Mapping[str, Any], path: str) -> Iterator[FieldError]:
        for source, field, pattern, known in (
            ("fieldRef", "fieldPath", paths, examples),
            ("resourceFieldRef", "resource", _RESOURCES, "limits or requests of cpu, memory or ephemeral-storage"),
        ):
            item = value.get(source)
            text = item.get(field) if isinstance(item, dict) else None
            if isinstance(text, str) and text and PLACEHOLDER not in text and not pattern.fullmatch(text):
                message = f"Unsupported value: {shown(text)} can't be read here. Write {known}."
                yield FieldError(f"{path}{source}.{field}", message)

    return check


def _downward_file(value: Mapping[str, Any], path: str) -> Iterator[FieldError]:
    found = [source for source in ("fieldRef", "resourceFieldRef") if value.get(source) is not None]
    if len(found) != 1:
        yield FieldError(path.removesuffix("."), "Invalid value: must have exactly one of fieldRef, resourceFieldRef.")
    resource = value.get("resourceFieldRef")
    if isinstance(resource, dict) and not resource.get("containerName"):
        yield FieldError(f"{path}resourceFieldRef.containerName", "Required value: write the name of a container.")
    yield from _reference_check(_FILE_PATHS, "metadata.name, .namespace, .uid, .labels or .annotations")(value, path)


def _addresses(field: str) -> ValueCheck:
    def check(value: Mapping[str, Any], path: str) -> Iterator[FieldError]:
        for index, text in _strings(value.get(field)):
            if not _is_address(text):
                message = f"Invalid value: {shown(text)} is no IP address. Write one such as 10.9.8.7."
                yield FieldError(f"{path}{field}{index}", message)

    return check


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return "%" not in text


_MAX_NAMESERVERS = 3


def _dns(value: Mapping[str, Any], path: str) -> Iterator[FieldError]:
    if len(_list(value.get("nameservers"))) > _MAX_NAMESERVERS:
        message = f"Invalid value: has more than {_MAX_NAMESERVERS} items. Remove the others."
        yield FieldError(f"{path}nameservers", message)
    yield from _addresses("nameservers")(value, path)


def _metadata(value: Mapping[str, Any], path: str) -> Iterator[FieldError]:
    found = value.get("annotations")
    texts = [*found, *found.values()] if isinstance(found, dict) else []
    size = sum(len(text.encode(errors="replace")) for text in texts if isinstance(text, str))
    if size > MAX_ANNOTATIONS:
        message = f"Too long: has {size} bytes. Write at most {MAX_ANNOTATIONS} in all, for example in a ConfigMap."
        yield FieldError(f"{path}annotations", message)


MAX_ANNOTATIONS = 2**18
"""Bytes of the keys and values of all annotations of an object."""


def _required(field: str, advice: str) -> ValueCheck:
    def check(value: Mapping[str, Any], path: str) -> Iterator[FieldError]:
        if value.get(field) in (None, ""):
            yield FieldError(f"{path}{field}", f"Required value: {advice}")

    return check


def _one_of(*fields: str) -> ValueCheck:
    def check(value: Mapping[str, Any], path: str) -> Iterator[FieldError]:
        if len([field for field in fields if value.get(field) is not None]) != 1:
            yield FieldError(path.removesuffix("."), f"Invalid value: must have exactly one of {', '.join(fields)}.")

    return check


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def chained(checks: Iterable[ValueCheck]) -> ValueCheck:
    """Return a check that applies several checks in order."""
    kept = tuple(checks)
    return lambda value, path: (fault for check in kept for fault in check(value, path))


_RULES: Mapping[str, ValueCheck] = MappingProxyType(
    {
        "AppArmorProfile": _profile,
        "DownwardAPIVolumeFile": _downward_file,
        "EnvVarSource": _reference_check(_ENV_PATHS, "a field such as metadata.name, spec.nodeName or status.podIP"),
        "EphemeralVolumeSource": _required("volumeClaimTemplate", "write the template of the claim."),
        "ExecAction": _exec,
        "HostAlias": _addresses("ip"),
        "ImageVolumeSource": _required("reference", "write the name of the image."),
        "LabelSelectorRequirement": _requirement,
        "LifecycleHandler": _one_of("exec", "httpGet", "sleep", "tcpSocket"),
        "NodeSelector": _node_selector,
        "NodeSelectorRequirement": _requirement,
        "ObjectMeta": _metadata,
        "PodAffinityTerm": _label_keys,
        "PodDNSConfig": _dns,
        "PodResourceClaim": _one_of("resourceClaimName", "resourceClaimTemplateName"),
        "SeccompProfile": _profile,
        "SecurityContext": _security,
        "Toleration": _toleration,
        "TopologySpreadConstraint": _spread,
        "VolumeMount": _mount,
    }
)
_TABLED = {key.split(".")[0] for table in (_ENUMS, _RANGES, _FORMATS) for key in table}
CONSTRAINTS: Mapping[str, ValueCheck] = MappingProxyType(
    {kind: chained(_checks(kind)) for kind in sorted(_TABLED | _RULES.keys())}
)
"""Type of an object -> rule for its values."""
