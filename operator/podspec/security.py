"""Rules of security contexts: privileges, profiles, sysctls, and the options of Windows and Linux."""

import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType

from podspec.findings import Finding, forbidden, invalid, required, too_long
from podspec.objects import Check, Object, Unknown, at, containers, dig, items, known, unique

_MAX_PATH = 4095
_IPC_SYSCTLS = ("kernel.shm", "kernel.msg", "kernel.sem", "fs.mqueue.")
_MAX_DOMAIN, _MAX_USER, _MAX_CREDENTIAL_SPEC = 255, 104, 64 * 1024
_WINDOWS_USER = re.compile(r"[^\x00-\x1f\x7f\"/\\:;|=,+*?<>@\[\]]+")
_WINDOWS_DOMAIN = re.compile(r"[^\\/:*?\"<>|.][^\\/:*?\"<>|]{0,14}|[A-Za-z0-9]([-A-Za-z0-9.]*[A-Za-z0-9])?")
_NOT_FOR_WINDOWS = ("hostUsers", "hostPID", "hostIPC", "shareProcessNamespace", "resources")
_NOT_FOR_WINDOWS_PODS = (
    "appArmorProfile", "seLinuxOptions", "seccompProfile", "fsGroup", "fsGroupChangePolicy", "sysctls", "runAsUser",
    "runAsGroup", "supplementalGroups", "supplementalGroupsPolicy", "seLinuxChangePolicy",
)  # fmt: skip
_NOT_FOR_WINDOWS_CONTAINERS = (
    "appArmorProfile", "seLinuxOptions", "seccompProfile", "capabilities", "readOnlyRootFilesystem", "privileged",
    "allowPrivilegeEscalation", "procMount", "runAsUser", "runAsGroup",
)  # fmt: skip


def _privileges(context: Object, path: str) -> Iterator[Finding]:
    if context.get("allowPrivilegeEscalation") is not False:
        return
    where = at(path, "allowPrivilegeEscalation")
    if context.get("privileged") is True:
        yield forbidden(where, "cannot set `allowPrivilegeEscalation` to false and `privileged` to true")
    if "CAP_SYS_ADMIN" in (dig(context, "capabilities", "add") or ()):
        detail = "cannot set `allowPrivilegeEscalation` to false and `capabilities.add` CAP_SYS_ADMIN"
        yield forbidden(where, detail)


def _profile(profile: Object, path: str) -> Iterator[Finding]:
    kind, local, where = profile.get("type"), profile.get("localhostProfile"), at(path, "localhostProfile")
    if kind == "Localhost" and not local:
        yield required(where, "must be set when the type is Localhost")
    elif kind in ("RuntimeDefault", "Unconfined") and local is not None:
        yield invalid(where, local, "can only be set when the type is Localhost")
    elif len(local or "") > _MAX_PATH:
        yield too_long(where, _MAX_PATH)


def _proc_mounts(spec: Object, path: str) -> Iterator[Finding]:
    for where, container in containers(spec, path):
        if dig(container, "securityContext", "procMount") == "Unmasked" and spec.get("hostUsers") is not False:
            yield invalid(
                at(where, "securityContext.procMount"), "Unmasked", "`hostUsers` must be false to use `Unmasked`"
            )


def _sysctls(spec: Object, path: str) -> Iterator[Finding]:
    context, place = spec.get("securityContext") or {}, at(path, "securityContext")
    found = [(at(where, "name"), one.get("name")) for where, one in items(context, "sysctls", place)]
    yield from unique(found)
    for where, name in found:
        if not known(name):
            continue
        dotted = name.replace("/", ".")
        if spec.get("hostNetwork") is True and dotted.startswith("net."):
            yield invalid(where, name, "may not be specified when 'hostNetwork' is true")
        if spec.get("hostIPC") is True and dotted.startswith(_IPC_SYSCTLS):
            yield invalid(where, name, "may not be specified when 'hostIPC' is true")


def _operating_system(spec: Object, path: str) -> Iterator[Finding]:
    name = dig(spec, "os", "name")
    owners = [(path, spec), *containers(spec, path)]
    pod, *contexts = [(at(where, "securityContext"), one.get("securityContext") or {}) for where, one in owners]
    if name == "linux":
        for where, context in (pod, *contexts):
            yield from _unset(context, ("windowsOptions",), where, "windows options cannot be set for a linux pod")
    elif name == "windows":
        yield from _unset(spec, _NOT_FOR_WINDOWS, path, _WINDOWS_DETAIL)
        yield from _unset(pod[1], _NOT_FOR_WINDOWS_PODS, pod[0], _WINDOWS_DETAIL)
        for where, context in contexts:
            yield from _unset(context, _NOT_FOR_WINDOWS_CONTAINERS, where, _WINDOWS_DETAIL)


_WINDOWS_DETAIL = "cannot be set for a windows pod"


def _unset(value: Object, fields: tuple[str, ...], path: str, detail: str) -> Iterator[Finding]:
    """Check that fields are not set. The host's namespaces may be set to false."""
    for field in fields:
        found = value.get(field)
        if found is not None and not (field in ("hostPID", "hostIPC") and found is False):
            yield forbidden(at(path, field), detail)


def _host_process(spec: Object, path: str) -> Iterator[Finding]:
    """Check that all containers of a Windows Pod are host processes where one is."""
    own, option = dig(spec, "securityContext", "windowsOptions", "hostProcess"), "windowsOptions.hostProcess"
    values = []
    for where, container in containers(spec, path):
        value = dig(container, "securityContext", "windowsOptions", "hostProcess")
        if own is not None and value is not None and own is not value:
            detail = "must be identical to the pod's hostProcess if both are specified"
            yield invalid(at(where, f"securityContext.{option}"), value, detail)
        values.append(own if value is None else value)
    if True not in values:
        return
    if not all(values):
        detail = "If pod contains any hostProcess containers then all containers must be HostProcess containers"
        yield invalid(at(path, f"securityContext.{option}"), own, detail)
    if spec.get("hostNetwork") is not True:
        detail = "hostNetwork must be true if pod contains any hostProcess containers"
        yield invalid(at(path, "hostNetwork"), bool(spec.get("hostNetwork")), detail)


def _windows_options(options: Object, path: str) -> Iterator[Finding]:
    name, where = options.get("runAsUserName"), at(path, "runAsUserName")
    if name is not None and not isinstance(name, Unknown):
        domain, separator, user = name.rpartition("\\")
        if not _WINDOWS_USER.fullmatch(user) or not user.strip(". ") or len(user) > _MAX_USER:
            yield invalid(where, name, "must be a user name of at most 104 characters, with an optional domain and \\")
        elif separator and (not _WINDOWS_DOMAIN.fullmatch(domain) or len(domain) > _MAX_DOMAIN):
            yield invalid(where, name, "the domain must have the NetBios or the DNS format")
    spec = options.get("gmsaCredentialSpec")
    if spec is not None and not 0 < len(spec) <= _MAX_CREDENTIAL_SPEC:
        yield invalid(at(path, "gmsaCredentialSpec"), spec, "must have 1 to 65536 characters")


RULES: Mapping[str, tuple[Check, ...]] = MappingProxyType(
    {
        "AppArmorProfile": (_profile,),
        "PodSpec": (_proc_mounts, _sysctls, _operating_system, _host_process),
        "SeccompProfile": (_profile,),
        "SecurityContext": (_privileges,),
        "WindowsSecurityContextOptions": (_windows_options,),
    }
)
