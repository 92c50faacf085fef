"""Rules of containers: names, variables, ports, probes and handlers, restarts."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from podspec import quantities
from podspec.findings import Finding, forbidden, invalid, not_found, required, too_many
from podspec.formats import FILE_FIELD, RESOURCE_FIELD, VARIABLE_FIELD, Format
from podspec.objects import Check, Names, Object, Unknown, at, containers, dig, items, known, unique

_PROBES = ("livenessProbe", "readinessProbe", "startupProbe")
_MAX_RULES, _MAX_EXIT_CODES = 20, 255
_GRACE_PERIOD = 30
"""Default of terminationGracePeriodSeconds."""
_DIVISORS = ("1", *(f"1{unit}" for unit in ("k", "M", "G", "T", "P", "E", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei")))


def _pod(spec: Object, path: str) -> Iterator[Finding]:
    if spec.get("ephemeralContainers"):
        yield forbidden(at(path, "ephemeralContainers"), "cannot be set on create")
    yield from unique((at(where, "name"), one.get("name")) for where, one in containers(spec, path))
    for where, container in items(spec, "initContainers", path):
        policy = container.get("restartPolicy")
        for field in ("lifecycle", *_PROBES):
            if container.get(field) is not None and policy != "Always" and not isinstance(policy, Unknown):
                yield forbidden(at(where, field), "may not be set for init containers without restartPolicy=Always")
    yield from _sleeps(spec, path)
    yield from _variable_files(spec, path)


def _sleeps(spec: Object, path: str) -> Iterator[Finding]:
    grace = spec.get("terminationGracePeriodSeconds", _GRACE_PERIOD)
    grace = 1 if isinstance(grace, int) and grace < 0 else grace
    for where, container in containers(spec, path):
        for hook in ("postStart", "preStop"):
            seconds = dig(container, "lifecycle", hook, "sleep", "seconds")
            if isinstance(seconds, int) and isinstance(grace, int) and not 0 <= seconds <= grace:
                detail = f"must be non-negative and at most terminationGracePeriodSeconds ({grace})"
                yield invalid(at(where, f"lifecycle.{hook}.sleep.seconds"), seconds, detail)


def _variable_files(spec: Object, path: str) -> Iterator[Finding]:
    found = spec.get("volumes") or ()
    names, volumes = Names.of(found), {one.get("name"): one for one in found}
    for place, container in containers(spec, path):
        for where, variable in items(container, "env", place):
            name = dig(variable, "valueFrom", "fileKeyRef", "volumeName")
            field = at(where, "valueFrom.fileKeyRef.volumeName")
            if names.lack(name):
                yield not_found(field, name, names.known)
            elif known(name) and not volumes.get(name, {}).keys() <= {"name", "emptyDir"}:
                yield invalid(field, name, "referenced volume must be of type emptyDir")


def _container(container: Object, path: str) -> Iterator[Finding]:
    yield from unique((at(where, "name"), port.get("name")) for where, port in items(container, "ports", path))
    for field in ("livenessProbe", "startupProbe"):
        threshold = dig(container, field, "successThreshold")
        if isinstance(threshold, int) and threshold > 1:
            yield invalid(at(path, f"{field}.successThreshold"), threshold, "must be 1")
    if (grace := dig(container, "readinessProbe", "terminationGracePeriodSeconds")) is not None:
        where = at(path, "readinessProbe.terminationGracePeriodSeconds")
        yield invalid(where, grace, "must not be set for readinessProbes")
    rules = container.get("restartPolicyRules") or []
    if rules and not container.get("restartPolicy"):
        yield required(at(path, "restartPolicy"), "must specify restartPolicy when restart rules are used")
    if len(rules) > _MAX_RULES:
        yield too_many(at(path, "restartPolicyRules"), len(rules), _MAX_RULES)
    for where, rule in items(container, "restartPolicyRules", path):
        codes = dig(rule, "exitCodes", "values") or ()
        if len(codes) > _MAX_EXIT_CODES:
            yield too_many(at(where, "exitCodes.values"), len(codes), _MAX_EXIT_CODES)


def _variable(variable: Object, path: str) -> Iterator[Finding]:
    if variable.get("value") and variable.get("valueFrom") is not None:
        yield forbidden(at(path, "valueFrom"), "may not be specified when `value` is not empty")


def _references(fields: Format, *, in_file: bool) -> Check:
    """Return the check of references to fields and resources of the Pod."""

    def check(value: Object, path: str) -> Iterator[Finding]:
        field = dig(value, "fieldRef", "fieldPath")
        if known(field) and not fields.matches(field):
            yield invalid(at(path, "fieldRef.fieldPath"), field, f"field label not supported: {fields.detail}")
        if (reference := value.get("resourceFieldRef")) is not None:
            yield from _resource_reference(reference, at(path, "resourceFieldRef"))
            if in_file and not reference.get("containerName"):
                yield required(at(path, "resourceFieldRef.containerName"))

    return check


def _resource_reference(reference: Object, path: str) -> Iterator[Finding]:
    resource, divisor = reference.get("resource"), reference.get("divisor", "0")
    if not known(resource) or isinstance(divisor, Unknown):
        return
    if not RESOURCE_FIELD.matches(resource):
        yield invalid(at(path, "resource"), resource, RESOURCE_FIELD.detail)
    elif not _divides(str(divisor), allowed := ("1m", "1") if resource.endswith(".cpu") else _DIVISORS):
        yield invalid(at(path, "divisor"), divisor, f"only divisor's values {', '.join(allowed)} are supported")


def _divides(divisor: str, allowed: tuple[str, ...]) -> bool:
    """Return whether a divisor is 0, which means unset, or one of the allowed values."""
    try:
        value = quantities.parse(divisor)
    except ValueError:
        return True
    family = [one for one in allowed if one == "1" or one.endswith("i") == divisor.endswith("i")]
    return value == 0 or value in map(quantities.parse, family)


RULES: Mapping[str, tuple[Check, ...]] = MappingProxyType(
    {
        "Container": (_container,),
        "DownwardAPIVolumeFile": (_references(FILE_FIELD, in_file=True),),
        "EnvVar": (_variable,),
        "EnvVarSource": (_references(VARIABLE_FIELD, in_file=False),),
        "PodSpec": (_pod,),
    }
)
