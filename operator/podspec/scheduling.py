"""Rules of affinity, spread constraints, tolerations and scheduling gates."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from podspec.findings import Finding, forbidden, invalid, required
from podspec.formats import INTEGER, LABEL_VALUE, QUALIFIED_NAME, SUBDOMAIN
from podspec.objects import Check, Object, Unknown, at, items, known, unique

_SETS, _NUMBERS, _EXISTENCE = ("In", "NotIn"), ("Gt", "Lt"), ("Exists", "DoesNotExist")


def _requirement(value: Object, path: str) -> Iterator[Finding]:
    operator, count, where = value.get("operator"), len(value.get("values") or ()), at(path, "values")
    if operator in _SETS and not count:
        yield required(where, "must be specified when `operator` is 'In' or 'NotIn'")
    elif operator in _NUMBERS and count != 1:
        yield required(where, "must be specified single value when `operator` is 'Lt' or 'Gt'")
    elif operator in _EXISTENCE and count:
        yield forbidden(where, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'")


def _term(term: Object, path: str) -> Iterator[Finding]:
    for where, expression in items(term, "matchExpressions", path):
        if known(key := expression.get("key")) and not QUALIFIED_NAME.matches(key):
            yield invalid(at(where, "key"), key, QUALIFIED_NAME.detail)
        yield from _requirement(expression, where)
    for where, field in items(term, "matchFields", path):
        yield from _field_requirement(field, where)


def _field_requirement(value: Object, path: str) -> Iterator[Finding]:
    operator, values, key = value.get("operator"), value.get("values") or (), value.get("key")
    if operator in (*_NUMBERS, *_EXISTENCE):
        yield invalid(at(path, "operator"), operator, "must be 'In' or 'NotIn' for a node field selector")
    elif operator in _SETS and len(values) != 1:
        detail = "must be only one value when `operator` is 'In' or 'NotIn' for node field selector"
        yield required(at(path, "values"), detail)
    if known(key) and key != "metadata.name":
        yield invalid(at(path, "key"), key, "not a valid field selector key, must be metadata.name")
    for i, name in enumerate(values):
        if not isinstance(name, Unknown) and not SUBDOMAIN.matches(name):
            yield invalid(f"{at(path, 'values')}[{i}]", name, SUBDOMAIN.detail)


def _node_selector(selector: Object, path: str) -> Iterator[Finding]:
    """Check the label values of a required node affinity. A preferred one may have any."""
    for place, term in items(selector, "nodeSelectorTerms", path):
        for where, expression in items(term, "matchExpressions", place):
            for part, text in items(expression, "values", where):
                if known(text) and not LABEL_VALUE.matches(text):
                    yield invalid(part, text, LABEL_VALUE.detail)


def _label_keys(value: Object, path: str) -> Iterator[Finding]:
    for field in ("matchLabelKeys", "mismatchLabelKeys"):
        if value.get(field) and value.get("labelSelector") is None:
            yield forbidden(at(path, field), "must not be specified when labelSelector is not set")
    mismatched = frozenset(value.get("mismatchLabelKeys") or ())
    for where, key in items(value, "matchLabelKeys", path):
        if known(key) and key in mismatched:
            yield invalid(where, key, "exists in both matchLabelKeys and mismatchLabelKeys")


def _spread(value: Object, path: str) -> Iterator[Finding]:
    if value.get("minDomains") is not None and value.get("whenUnsatisfiable") == "ScheduleAnyway":
        detail = "can only use minDomains if whenUnsatisfiable=DoNotSchedule, not ScheduleAnyway"
        yield invalid(at(path, "minDomains"), value["minDomains"], detail)


def _spread_pairs(spec: Object, path: str) -> Iterator[Finding]:
    pairs = []
    for where, item in items(spec, "topologySpreadConstraints", path):
        key, action = item.get("topologyKey"), item.get("whenUnsatisfiable")
        if known(key) and known(action):
            pairs.append((at(where, "topologyKey"), f"{{{key}, {action}}}"))
    yield from unique(pairs)


def _gates(spec: Object, path: str) -> Iterator[Finding]:
    yield from unique((where, gate.get("name")) for where, gate in items(spec, "schedulingGates", path))
    if spec.get("schedulingGates") and spec.get("nodeName"):
        yield forbidden(at(path, "nodeName"), "cannot be set until all schedulingGates have been cleared")


def _toleration(value: Object, path: str) -> Iterator[Finding]:
    operator, text = value.get("operator") or "Equal", value.get("value") or ""
    if not value.get("key") and operator in ("Equal", *_NUMBERS):
        detail = 'operator must be Exists when `key` is empty, which means "match all values and all keys"'
        yield invalid(at(path, "operator"), value.get("operator") or "", detail)
    if operator == "Exists" and text:
        yield invalid(at(path, "value"), text, "value must be empty when `operator` is 'Exists'")
    elif operator == "Equal" and known(text) and not LABEL_VALUE.matches(text):
        yield invalid(at(path, "value"), text, LABEL_VALUE.detail)
    elif operator in _NUMBERS and not INTEGER.matches(text):
        yield invalid(at(path, "value"), text, INTEGER.detail)
    effect = value.get("effect") or ""
    if value.get("tolerationSeconds") is not None and effect != "NoExecute" and (known(effect) or not effect):
        yield invalid(at(path, "effect"), effect, "effect must be 'NoExecute' when `tolerationSeconds` is set")


RULES: Mapping[str, tuple[Check, ...]] = MappingProxyType(
    {
        "LabelSelectorRequirement": (_requirement,),
        "NodeSelector": (_node_selector,),
        "NodeSelectorTerm": (_term,),
        "PodAffinityTerm": (_label_keys,),
        "PodSpec": (_spread_pairs, _gates),
        "Toleration": (_toleration,),
        "TopologySpreadConstraint": (_spread, _label_keys),
    }
)
