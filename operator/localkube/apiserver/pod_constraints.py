"""Validates a Pod against tables: enumerations, ranges, formats and fields that exclude each other.

The tables are those of Kubernetes' ValidatePodCreate, by the types of the API.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from ipaddress import ip_address
from types import MappingProxyType
from typing import Any

from localkube.apiserver import decoding
from localkube.apiserver.errors import Cause, duplicate, forbidden, invalid, required, unsupported

Object = dict[str, Any]
_Check = Callable[[Object, str], Iterator[Cause]]
_PROFILES = ("Localhost", "RuntimeDefault", "Unconfined")
_OPERATORS = ("In", "NotIn", "Exists", "DoesNotExist")
_ENUMS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "AppArmorProfile.type": _PROFILES,
        "ContainerResizePolicy.resourceName": ("cpu", "memory"),
        "ContainerResizePolicy.restartPolicy": ("NotRequired", "RestartContainer"),
        "Container.imagePullPolicy": ("Always", "IfNotPresent", "Never"),
        "Container.terminationMessagePolicy": ("File", "FallbackToLogsOnError"),
        "ContainerPort.protocol": ("TCP", "UDP", "SCTP"),
        "HTTPGetAction.scheme": ("HTTP", "HTTPS"),
        "HostPathVolumeSource.type": (
            "DirectoryOrCreate", "Directory", "FileOrCreate", "File", "Socket", "CharDevice", "BlockDevice"
        ),
        "ImageVolumeSource.pullPolicy": ("Always", "IfNotPresent", "Never"),
        "LabelSelectorRequirement.operator": _OPERATORS,
        "NodeSelectorRequirement.operator": (*_OPERATORS, "Gt", "Lt"),
        "PodOS.name": ("linux", "windows"),
        "PodSpec.dnsPolicy": ("ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"),
        "PodSpec.preemptionPolicy": ("PreemptLowerPriority", "Never"),
        "PodSecurityContext.fsGroupChangePolicy": ("Always", "OnRootMismatch"),
        "PodSecurityContext.seLinuxChangePolicy": ("MountOption", "Recursive"),
        "PodSecurityContext.supplementalGroupsPolicy": ("Merge", "Strict"),
        "SeccompProfile.type": _PROFILES,
        "SecurityContext.procMount": ("Default", "Unmasked"),
        "TopologySpreadConstraint.nodeAffinityPolicy": ("Honor", "Ignore"),
        "TopologySpreadConstraint.nodeTaintsPolicy": ("Honor", "Ignore"),
        "TopologySpreadConstraint.whenUnsatisfiable": ("DoNotSchedule", "ScheduleAnyway"),
        "Toleration.effect": ("NoSchedule", "PreferNoSchedule", "NoExecute"),
        "Toleration.operator": ("Equal", "Exists", "Lt", "Gt"),
        "VolumeMount.mountPropagation": ("None", "HostToContainer", "Bidirectional"),
        "VolumeMount.recursiveReadOnly": ("Disabled", "IfPossible", "Enabled"),
    }
)  # fmt: skip
_MAX = 2**31 - 1
_ID, _COUNT, _POSITIVE, _WEIGHT = (0, _MAX), (0, _MAX), (1, _MAX), (1, 100)
_RANGES: Mapping[str, tuple[int, int]] = MappingProxyType(
    {
        "ContainerPort.containerPort": (1, 65535),
        "ContainerPort.hostPort": (0, 65535),
        "GRPCAction.port": (1, 65535),
        "HTTPGetAction.port": (1, 65535),
        "PodSecurityContext.fsGroup": _ID,
        "PodSecurityContext.runAsGroup": _ID,
        "PodSecurityContext.runAsUser": _ID,
        "PodSecurityContext.supplementalGroups": _ID,
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
_LABEL = (
    re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"),
    "a lowercase RFC 1123 label must consist of at most 63 lower case alphanumeric characters or '-'",
)
_PART = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = (
    re.compile(rf"(?=.{{1,253}}\Z){_PART}(\.{_PART})*"),
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.'",
)
_QUALIFIED = (
    re.compile(rf"({_PART}(\.{_PART})*/)?[A-Za-z0-9]([-A-Za-z0-9_.]{{0,61}}[A-Za-z0-9])?"),
    "name part must consist of alphanumeric characters, '-', '_' or '.', with an optional DNS subdomain prefix",
)
_LABEL_VALUE = (
    re.compile(r"(([A-Za-z0-9][-A-Za-z0-9_.]{0,61})?[A-Za-z0-9])?"),
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.'",
)
_PORT_NAME = (
    re.compile(r"(?=.*[a-z])(?!.*--)[a-z0-9]([-a-z0-9]{0,13}[a-z0-9])?"),
    "must contain at most 15 of a-z, 0-9 and -, and at least one letter",
)
_FORMATS: Mapping[str, tuple[re.Pattern[str], str]] = MappingProxyType(
    {
        "ConfigMapEnvSource.name": _SUBDOMAIN,
        "Container.image": (re.compile(r"\S(.*\S)?", re.DOTALL), "must not have leading or trailing whitespace"),
        "CSIVolumeSource.driver": (_SUBDOMAIN[0], "must be the name of a CSI driver"),
        "ConfigMapKeySelector.name": _SUBDOMAIN,
        "ConfigMapKeySelector.key": (
            re.compile(r"(?!\.\.)[-._a-zA-Z0-9]+"),
            "a valid config key must consist of alphanumeric characters, '-', '_' or '.', and not begin with '..'",
        ),
        "ContainerPort.name": _PORT_NAME,
        "EnvFromSource.prefix": (
            re.compile(r"[ -<>-~]*"),
            "a valid environment variable name must consist only of printable ASCII characters other than '='",
        ),
        "HTTPGetAction.port": (_PORT_NAME[0], "must contain at most 15 of a-z, 0-9 and -, and at least one letter"),
        "HTTPHeader.name": (
            re.compile(r"[-A-Za-z0-9]+"),
            "a valid HTTP header must consist of alphanumeric characters or '-'",
        ),
        "HostAlias.hostnames": _SUBDOMAIN,
        "HostPathVolumeSource.path": (re.compile(r"(?!(.*/)?\.\.(/|\Z)).*", re.DOTALL), "must not contain '..'"),
        "LabelSelectorRequirement.key": _QUALIFIED,
        "NFSVolumeSource.path": (re.compile(r"/.*", re.DOTALL), "must be an absolute path"),
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
        "SecretEnvSource.name": _SUBDOMAIN,
        "SecretKeySelector.name": _SUBDOMAIN,
        "SecretKeySelector.key": (
            re.compile(r"(?!\.\.)[-._a-zA-Z0-9]+"),
            "a valid config key must consist of alphanumeric characters, '-', '_' or '.', and not begin with '..'",
        ),
        "TCPSocketAction.port": (_PORT_NAME[0], "must contain at most 15 of a-z, 0-9 and -, and at least one letter"),
        "Toleration.key": _QUALIFIED,
        "Toleration.value": _LABEL_VALUE,
        "VolumeDevice.devicePath": (re.compile(r"(?!(.*/)?\.\.(/|\Z)).*", re.DOTALL), "must not contain '..'"),
    }
)
"""Type and field -> pattern of its string or strings, and the server's words. An empty string counts as absent."""


def validate(pod: Object) -> Iterator[Cause]:
    """Return what is wrong with the values of a new Pod."""
    for kind, value, path in decoding.objects("V1Pod", pod):
        for check in _CHECKS.get(kind, ()):
            yield from check(value, path)


def _values(value: Any, path: str) -> Iterator[tuple[Any, str]]:
    """Return the value of a field, or the items of a list; empty strings count as absent."""
    found = enumerate(value) if isinstance(value, list) else ()
    yield from ((item, f"{path}[{i}]") for i, item in found)
    if not isinstance(value, list) and value not in (None, ""):
        yield value, path


def _enums(field: str, allowed: tuple[str, ...]) -> _Check:
    def check(value: Object, path: str) -> Iterator[Cause]:
        for item, where in _values(value.get(field), f"{path}.{field}"):
            if item not in allowed:
                yield unsupported(where, item, allowed)

    return check


def _ranges(field: str, low: int, high: int) -> _Check:
    def check(value: Object, path: str) -> Iterator[Cause]:
        for item, where in _values(value.get(field), f"{path}.{field}"):
            if isinstance(item, int) and not low <= item <= high:
                yield invalid(where, item, f"must be between {low} and {high}, inclusive")

    return check


def _formats(field: str, pattern: re.Pattern[str], words: str) -> _Check:
    def check(value: Object, path: str) -> Iterator[Cause]:
        for item, where in _values(value.get(field), f"{path}.{field}"):
            if isinstance(item, str) and not pattern.fullmatch(item):
                yield invalid(where, item, words)

    return check


def _security(value: Object, path: str) -> Iterator[Cause]:
    if value.get("allowPrivilegeEscalation") is not False:
        return
    if value.get("privileged"):
        yield invalid(path, value, "cannot set `allowPrivilegeEscalation` to false and `privileged` to true")
    if "CAP_SYS_ADMIN" in (value.get("capabilities") or {}).get("add", ()):
        detail = "cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN"
        yield invalid(path, value, detail)


def _profile(value: Object, path: str) -> Iterator[Cause]:
    local = value.get("localhostProfile")
    if value.get("type") == "Localhost" and not local:
        yield required(f"{path}.localhostProfile", "must be set when the type is Localhost")
    elif value.get("type") != "Localhost" and local:
        yield invalid(f"{path}.localhostProfile", local, "can only be set when the type is Localhost")


def _requirement(value: Object, path: str) -> Iterator[Cause]:
    operator, count, where = value.get("operator"), len(value.get("values") or ()), f"{path}.values"
    if operator in ("In", "NotIn") and not count:
        yield required(where, "must be specified when `operator` is 'In' or 'NotIn'")
    elif operator in ("Gt", "Lt") and count != 1:
        yield required(where, "must be specified single value when `operator` is 'Lt' or 'Gt'")
    elif operator in ("Exists", "DoesNotExist") and count:
        yield forbidden(where, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'")


def _node_selector(value: Object, path: str) -> Iterator[Cause]:
    if not value.get("nodeSelectorTerms"):
        yield required(f"{path}.nodeSelectorTerms", "must have at least one node selector term")


def _toleration(value: Object, path: str) -> Iterator[Cause]:
    operator = value.get("operator") or "Equal"
    if not value.get("key") and operator != "Exists":
        detail = 'operator must be Exists when `key` is empty, which means "match all values and all keys"'
        yield invalid(f"{path}.operator", value.get("operator", ""), detail)
    if operator == "Exists" and value.get("value"):
        yield invalid(f"{path}.operator", value["value"], "value must be empty when `operator` is 'Exists'")
    if "tolerationSeconds" in value and value.get("effect") != "NoExecute":
        detail = "effect must be 'NoExecute' when `tolerationSeconds` is set"
        yield invalid(f"{path}.effect", value.get("effect", ""), detail)


def _spread(value: Object, path: str) -> Iterator[Cause]:
    if "minDomains" in value and value.get("whenUnsatisfiable") == "ScheduleAnyway":
        detail = "can only use minDomains if whenUnsatisfiable=DoNotSchedule, not ScheduleAnyway"
        yield invalid(f"{path}.minDomains", value["minDomains"], detail)


def _label_keys(value: Object, path: str) -> Iterator[Cause]:
    for field in ("matchLabelKeys", "mismatchLabelKeys"):
        if value.get(field) and "labelSelector" not in value:
            yield forbidden(f"{path}.{field}", "must not be specified when labelSelector is not set")


def _mount(value: Object, path: str) -> Iterator[Cause]:
    if value.get("recursiveReadOnly") in ("Enabled", "IfPossible") and not value.get("readOnly"):
        yield forbidden(f"{path}.recursiveReadOnly", "may only be specified when readOnly is true")


def _needed(*fields: str) -> _Check:
    def check(value: Object, path: str) -> Iterator[Cause]:
        yield from (required(f"{path}.{field}") for field in fields if value.get(field) in (None, "", [], 0))

    return check


def _one_of(*fields: str) -> _Check:
    def check(value: Object, path: str) -> Iterator[Cause]:
        found = [field for field in fields if field in value]
        if not found:
            yield required(path, f"must specify one of: {', '.join(fields)}")
        elif len(found) > 1:
            yield forbidden(path, f"may not specify more than 1 of: {', '.join(fields)}")

    return check


_PATHS = r"metadata\.(name|namespace|uid)|metadata\.labels\['{label}'\]|metadata\.annotations\['{annotation}'\]".format(
    label=_QUALIFIED[0].pattern, annotation=_QUALIFIED[0].pattern.replace("a-z", "A-Za-z")
)
_ENV_PATHS = re.compile(rf"{_PATHS}|spec\.(nodeName|serviceAccountName)|status\.(hostIPs?|podIPs?)")
_FILE_PATHS = re.compile(rf"{_PATHS}|metadata\.(labels|annotations)")
_RESOURCES = re.compile(r"(limits|requests)\.(cpu|memory|ephemeral-storage|hugepages-.+)")


def _references(paths: re.Pattern[str]) -> _Check:
    """Return the check of what refers to a field or a resource of the Pod itself."""

    def check(value: Object, path: str) -> Iterator[Cause]:
        for source, field, pattern in (("fieldRef", "fieldPath", paths), ("resourceFieldRef", "resource", _RESOURCES)):
            text = (value.get(source) or {}).get(field, "")
            if text and not pattern.fullmatch(text):
                yield invalid(f"{path}.{source}.{field}", text, "field label not supported")

    return check


def _addresses(field: str) -> _Check:
    def check(value: Object, path: str) -> Iterator[Cause]:
        for item, where in _values(value.get(field), f"{path}.{field}"):
            if not _is_address(item):
                yield invalid(where, item, "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)")

    return check


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return "%" not in text


_MAX_NAMESERVERS = 3


def _dns(value: Object, path: str) -> Iterator[Cause]:
    if len(value.get("nameservers") or ()) > _MAX_NAMESERVERS:
        yield invalid(
            f"{path}.nameservers", value["nameservers"], f"must not have more than {_MAX_NAMESERVERS} nameservers"
        )


_MAX_ANNOTATIONS = 2**18


def _metadata(value: Object, path: str) -> Iterator[Cause]:
    annotations = value.get("annotations") or {}
    if sum(len(text.encode(errors="replace")) for pair in annotations.items() for text in pair) > _MAX_ANNOTATIONS:
        detail = f"Too long: may not be more than {_MAX_ANNOTATIONS} bytes"
        yield Cause("FieldValueTooLong", f"{path}.annotations", detail)
    for field, checked in (("annotations", False), ("labels", True)):
        yield from _entries(value.get(field) or {}, f"{path}.{field}", with_values=checked)


def _entries(entries: Object, path: str, *, with_values: bool) -> Iterator[Cause]:
    for key, value in entries.items():
        if not _QUALIFIED[0].fullmatch(key if with_values else key.lower()):
            yield invalid(path, key, _QUALIFIED[1])
        if with_values and not _LABEL_VALUE[0].fullmatch(value):
            yield invalid(path, value, _LABEL_VALUE[1])


def _selector(value: Object, path: str) -> Iterator[Cause]:
    return _entries(value.get("matchLabels") or {}, f"{path}.matchLabels", with_values=True)


def _resources(value: Object, path: str) -> Iterator[Cause]:
    sides = [(side, name) for side in ("limits", "requests") for name in value.get(side) or ()]
    for side, name in sides:
        if "/" not in name and name not in _NATIVE and not name.startswith("hugepages-"):
            yield invalid(f"{path}.{side}[{name}]", name, "must be a standard resource for containers")
        elif not _QUALIFIED[0].fullmatch(name):
            yield invalid(f"{path}.{side}[{name}]", name, _QUALIFIED[1])
    names = {name for _, name in sides}
    if any(name.startswith("hugepages-") for name in names) and not names & {"cpu", "memory"}:
        yield forbidden(path, "HugePages require cpu or memory")


_NATIVE = ("cpu", "memory", "ephemeral-storage")


def _pod(spec: Object, path: str) -> Iterator[Cause]:
    if spec.get("dnsPolicy") == "None" and not (spec.get("dnsConfig") or {}).get("nameservers"):
        yield required(f"{path}.dnsConfig", "must provide `dnsConfig` with a nameserver when `dnsPolicy` is None")
    if spec.get("ephemeralContainers"):
        yield forbidden(f"{path}.ephemeralContainers", "cannot be set on create")
    if spec.get("hostPID") and spec.get("shareProcessNamespace"):
        where, detail = (
            f"{path}.securityContext.shareProcessNamespace",
            "ShareProcessNamespace and HostPID cannot both be enabled",
        )
        yield invalid(where, spec["shareProcessNamespace"], detail)
    for field in ("hostPID", "hostIPC", "hostNetwork"):
        if spec.get("hostUsers") is False and spec.get(field):
            yield forbidden(f"{path}.{field}", "when `hostUsers` is false")
    for i, container in enumerate(spec.get("initContainers") or ()):
        for field in ("lifecycle", *_PROBES):
            if field in container and container.get("restartPolicy") != "Always":
                detail = "may not be set for init containers without restartPolicy=Always"
                yield forbidden(f"{path}.initContainers[{i}].{field}", detail)
    yield from _spread_pairs(spec, path)
    yield from _claims(spec, path)
    yield from _host_ports(spec, path)


_PROBES = ("livenessProbe", "readinessProbe", "startupProbe")


def _spread_pairs(spec: Object, path: str) -> Iterator[Cause]:
    seen = set()
    for i, item in enumerate(spec.get("topologySpreadConstraints") or ()):
        pair = f"{{{item.get('topologyKey')}, {item.get('whenUnsatisfiable')}}}"
        if pair in seen:
            yield duplicate(f"{path}.topologySpreadConstraints[{i}].{{topologyKey, whenUnsatisfiable}}", pair)
        seen.add(pair)


def _claims(spec: Object, path: str) -> Iterator[Cause]:
    known = {claim.get("name") for claim in spec.get("resourceClaims") or ()}
    for field in ("initContainers", "containers"):
        for i, container in enumerate(spec.get(field) or ()):
            seen = set()
            for j, claim in enumerate((container.get("resources") or {}).get("claims") or ()):
                where, name = f"{path}.{field}[{i}].resources.claims[{j}]", claim.get("name", "")
                if name not in known:
                    detail = f'Not found: "{name}": must be one of the names in pod.spec.resourceClaims'
                    yield Cause("FieldValueNotFound", where, detail)
                if (name, claim.get("request")) in seen:
                    yield duplicate(where, name)
                seen.add((name, claim.get("request")))


def _host_ports(spec: Object, path: str) -> Iterator[Cause]:
    seen = set()
    for i, container in enumerate(spec.get("containers") or ()):
        for j, port in enumerate(container.get("ports") or ()):
            where, here, host = (
                f"{path}.containers[{i}].ports[{j}].hostPort",
                port.get("containerPort"),
                port.get("hostPort"),
            )
            if spec.get("hostNetwork") and host not in (None, 0, here):
                yield invalid(where, host, "must match `containerPort` when `hostNetwork` is true")
            number = host or (here if spec.get("hostNetwork") else None)
            key = f"{port.get('protocol') or 'TCP'}/{port.get('hostIP') or ''}/{number}"
            if number and key in seen:
                yield duplicate(where, key)
            seen.add(key)


def _container(container: Object, path: str) -> Iterator[Cause]:
    names = set()
    for i, port in enumerate(container.get("ports") or ()):
        name = port.get("name")
        if name and name in names:
            yield duplicate(f"{path}.ports[{i}].name", name)
        names.add(name)
    for field in ("livenessProbe", "startupProbe"):
        threshold = (container.get(field) or {}).get("successThreshold", 1)
        if threshold > 1:
            yield invalid(f"{path}.{field}.successThreshold", threshold, "must be 1")
    grace = (container.get("readinessProbe") or {}).get("terminationGracePeriodSeconds")
    if grace is not None:
        where = f"{path}.readinessProbe.terminationGracePeriodSeconds"
        yield invalid(where, grace, "must not be set for readinessProbes")
    for mount in container.get("volumeMounts") or ():
        privileged = (container.get("securityContext") or {}).get("privileged")
        if mount.get("mountPropagation") == "Bidirectional" and not privileged:
            detail = "Bidirectional mount propagation is available only to privileged containers"
            yield forbidden(f"{path}.volumeMounts.mountPropagation", detail)


def _file_resource(value: Object, path: str) -> Iterator[Cause]:
    if "resourceFieldRef" in value and not value["resourceFieldRef"].get("containerName"):
        yield required(f"{path}.resourceFieldRef.containerName")


_RULES: Mapping[str, tuple[_Check, ...]] = MappingProxyType(
    {
        "AppArmorProfile": (_profile,),
        "Container": (_container,),
        "ContainerPort": (_needed("containerPort"),),
        "DownwardAPIVolumeFile": (_one_of("fieldRef", "resourceFieldRef"), _references(_FILE_PATHS), _file_resource),
        "EnvVarSource": (_references(_ENV_PATHS),),
        "EphemeralVolumeSource": (_needed("volumeClaimTemplate"),),
        "ConfigMapKeySelector": (_needed("name"),),
        "ExecAction": (_needed("command"),),
        "HostAlias": (_needed("ip"), _addresses("ip")),
        "ImageVolumeSource": (_needed("reference"),),
        "LabelSelector": (_selector,),
        "LabelSelectorRequirement": (_requirement,),
        "LifecycleHandler": (_one_of("exec", "httpGet", "sleep", "tcpSocket"),),
        "NFSVolumeSource": (_needed("server", "path"),),
        "NodeSelector": (_node_selector,),
        "NodeSelectorRequirement": (_requirement,),
        "ObjectMeta": (_metadata,),
        "PodAffinityTerm": (_needed("topologyKey"), _label_keys),
        "PodDNSConfig": (_dns, _addresses("nameservers")),
        "PodOS": (_needed("name"),),
        "PodResourceClaim": (_one_of("resourceClaimName", "resourceClaimTemplateName"),),
        "PodSpec": (_pod,),
        "Probe": (_one_of("exec", "grpc", "httpGet", "tcpSocket"),),
        "ResourceRequirements": (_resources,),
        "SeccompProfile": (_profile,),
        "SecretKeySelector": (_needed("name"),),
        "SecurityContext": (_security,),
        "Toleration": (_toleration,),
        "TopologySpreadConstraint": (_needed("topologyKey"), _spread, _label_keys),
        "VolumeMount": (_mount,),
    }
)


def _checks(kind: str) -> tuple[_Check, ...]:
    def fields(table: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
        return ((key.split(".")[1], rule) for key, rule in table.items() if key.split(".")[0] == kind)

    return (
        *(_enums(field, allowed) for field, allowed in fields(_ENUMS)),
        *(_ranges(field, low, high) for field, (low, high) in fields(_RANGES)),
        *(_formats(field, pattern, words) for field, (pattern, words) in fields(_FORMATS)),
        *_RULES.get(kind, ()),
    )


_CHECKS: Mapping[str, tuple[_Check, ...]] = MappingProxyType(
    {
        kind: _checks(kind)
        for kind in {key.split(".")[0] for table in (_ENUMS, _RANGES, _FORMATS, _RULES) for key in table}
    }
)
