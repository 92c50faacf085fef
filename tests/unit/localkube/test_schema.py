"""Structural schemas default, prune and validate as a real API server does, to the word."""

import copy

import pytest

from localkube.apiserver import schema, schema_validation
from localkube.apiserver.cel_rules import escape


def compiled(part, *, required=()):
    return schema.compile_schema({"type": "object", "properties": {"x": part}, "required": list(required)})


def faults(part, value, old=None):
    wrapped = None if old is None else {"x": old}
    return [cause.line() for cause in schema_validation.validate(compiled(part), {"x": value}, wrapped)]


ITEM = {"type": "object", "properties": {"name": {"type": "string"}, "v": {"type": "integer"}}}
KEYED = {"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"], "items": ITEM}


@pytest.mark.parametrize(
    ("part", "value", "message"),
    [
        pytest.param({"type": "integer"}, "a", 'x: Invalid value: "string": x in body must be of type integer: "string"', id="type"),
        pytest.param({"type": "integer"}, 1.5, 'x: Invalid value: "number": x in body must be of type integer: "number"', id="fraction"),
        pytest.param({"type": "integer"}, True, 'x: Invalid value: "boolean": x in body must be of type integer: "boolean"', id="boolean"),
        pytest.param({"type": "string"}, None, 'x: Invalid value: "null": x in body must be of type string: "null"', id="null"),
        pytest.param({"type": "integer", "minimum": 1}, 0, "x: Invalid value: 0: x in body should be greater than or equal to 1", id="minimum"),
        pytest.param({"type": "number", "minimum": 0, "exclusiveMinimum": True}, 0, "x: Invalid value: 0: x in body should be greater than 0", id="exclusive-minimum"),
        pytest.param({"type": "number", "maximum": 1}, 1.5, "x: Invalid value: 1.5: x in body should be less than or equal to 1", id="maximum"),
        pytest.param({"type": "integer", "multipleOf": 2}, 3, "x: Invalid value: 3: x in body should be a multiple of 2", id="multiple"),
        pytest.param({"type": "string", "enum": ["a", "b"]}, "c", 'x: Unsupported value: "c": supported values: "a", "b"', id="enum"),
        pytest.param({"type": "string", "pattern": "^a+$"}, "b", "x: Invalid value: \"b\": x in body should match '^a+$'", id="pattern"),
        pytest.param({"type": "string", "maxLength": 2}, "abc", "x: Too long: may not be more than 2 bytes", id="max-length"),
        pytest.param({"type": "string", "minLength": 1}, "", 'x: Invalid value: "": x in body should be at least 1 chars long', id="min-length"),
        pytest.param({"type": "string", "format": "date-time"}, "soon", 'x: Invalid value: "soon": x in body must be of type date-time: "soon"', id="format"),
        pytest.param({"type": "array", "maxItems": 1, "items": {"type": "integer"}}, [1, 2], "x: Too many: 2: must have at most 1 items", id="max-items"),
        pytest.param({"type": "array", "minItems": 1, "items": {"type": "integer"}}, [], "x: Invalid value: []: x in body should have at least 1 items", id="min-items"),
        pytest.param({"type": "object", "maxProperties": 1, "additionalProperties": True}, {"a": 1, "b": 2}, "x: Too many: 2: must have at most 1 items", id="max-properties"),
        pytest.param({"type": "object", "required": ["y"]}, {}, "x.y: Required value", id="required"),
        pytest.param(KEYED, [{"name": "a"}, {"name": "a"}], 'x[1]: Duplicate value: {"name":"a"}', id="duplicate-key"),
        pytest.param({"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}}, ["a", "a"], 'x[1]: Duplicate value: "a"', id="duplicate-item"),
        pytest.param({"type": "array", "items": {"type": "object", "properties": {"y": {"type": "string"}}}}, [{}, {"y": 1}], 'x[1].y: Invalid value: "integer": x[1].y in body must be of type string: "integer"', id="path"),
        pytest.param({"x-kubernetes-int-or-string": True}, [], 'x: Invalid value: "array": x in body must be of type integer,string: "array"', id="int-or-string"),
        pytest.param({"type": "object", "oneOf": [{"required": ["a"]}, {"required": ["b"]}], "additionalProperties": True}, {}, 'x: Invalid value: {}: "x" must validate one and only one schema (oneOf). Found none valid', id="one-of"),
        pytest.param({"type": "object", "anyOf": [{"required": ["a"]}, {"required": ["b"]}], "additionalProperties": True}, {}, 'x: Invalid value: {}: "x" must validate at least one schema (anyOf)', id="any-of"),
        pytest.param({"type": "integer", "not": {"enum": [3]}}, 3, 'x: Invalid value: 3: "x" must not validate the schema (not)', id="not"),
    ],
)  # fmt: skip
def test_an_invalid_value_has_the_message_of_an_api_server(part, value, message):
    """Each invalid value has one cause, with the message of a real API server."""
    assert faults(part, value) == [message]


@pytest.mark.parametrize(
    ("part", "value"),
    [
        pytest.param({"type": "number"}, 1, id="integer-is-a-number"),
        pytest.param({"type": "integer"}, 2.0, id="whole-number-is-an-integer"),
        pytest.param({"type": "string", "nullable": True}, None, id="nullable"),
        pytest.param({"x-kubernetes-int-or-string": True}, "50%", id="string-of-int-or-string"),
        pytest.param({"type": "number", "multipleOf": 0.1}, 0.3, id="multiple-in-floating-point"),
        pytest.param({"x-kubernetes-preserve-unknown-fields": True}, {"a": [1]}, id="open"),
    ],
)
def test_valid_edge_cases_are_accepted(part, value):
    """Values that only the details of the rules make valid."""
    assert faults(part, value) == []


def test_all_causes_are_reported_together():
    """One response names every invalid field."""
    node = schema.compile_schema({"type": "object", "required": ["a", "b"], "properties": {"c": {"type": "integer"}}})
    assert [cause.field for cause in schema_validation.validate(node, {"c": "x"})] == ["a", "b", "c"]


def test_defaults_reach_into_lists_and_maps():
    """Defaults fill missing fields of existing objects and create no parents."""
    part = {"type": "object", "properties": {"n": {"type": "integer", "default": 1}}}
    node = schema.compile_schema(
        {
            "type": "object",
            "properties": {
                "list": {"type": "array", "items": part},
                "map": {"type": "object", "additionalProperties": part},
                "absent": part,
                "made": {**part, "default": {}},
                "null": {"type": "integer", "default": 5},
            },
        }
    )
    obj = {"list": [{}, {"n": 2}], "map": {"k": {}}, "null": None}
    schema.set_defaults(node, obj)
    assert obj == {"list": [{"n": 1}, {"n": 2}], "map": {"k": {"n": 1}}, "made": {"n": 1}, "null": 5}


def test_defaults_are_not_shared():
    """Two objects never hold the same default value."""
    node = compiled({"type": "array", "items": {"type": "integer"}, "default": []})
    one, two = {}, {}
    schema.set_defaults(node, one)
    schema.set_defaults(node, two)
    one["x"].append(1)
    assert two["x"] == []


def test_pruning_names_what_it_removes():
    """Unknown fields are removed and their paths returned; open objects keep theirs, except below known properties."""
    node = schema.compile_schema(
        {
            "type": "object",
            "properties": {
                "a": {"type": "array", "items": {"type": "object", "properties": {"k": {"type": "string"}}}},
                "open": {
                    "type": "object",
                    "x-kubernetes-preserve-unknown-fields": True,
                    "properties": {"known": {"type": "object"}},
                },
            },
        }
    )
    obj = {"kind": "K", "metadata": {}, "a": [{"k": "v", "z": 1}], "open": {"any": 1, "known": {"q": 1}}, "b": 2}
    assert sorted(schema.prune(node, obj, embedded=True)) == ["a[0].z", "b", "open.known.q"]
    assert obj == {"kind": "K", "metadata": {}, "a": [{"k": "v"}], "open": {"any": 1, "known": {}}}


def rule(text, **more):
    return {"rule": text, "message": "no", **more}


@pytest.mark.parametrize(
    ("rules", "value", "old", "expected"),
    [
        pytest.param([rule("self.a < self.b")], {"a": 2, "b": 1}, None, ["x: Invalid value: no"], id="broken"),
        pytest.param([rule("self.a < self.b")], {"a": 1, "b": 2}, None, [], id="kept"),
        pytest.param([rule("self.a == oldSelf.a")], {"a": 2}, None, [], id="transition-on-create"),
        pytest.param([rule("self.a == oldSelf.a")], {"a": 2}, {"a": 1}, ["x: Invalid value: no"], id="transition-on-update"),
        pytest.param([rule("!oldSelf.hasValue() || oldSelf.value().a == self.a", optionalOldSelf=True)], {"a": 2}, None, [], id="optional-old-absent"),
        pytest.param([rule("!oldSelf.hasValue() || oldSelf.value().a == self.a", optionalOldSelf=True)], {"a": 2}, {"a": 1}, ["x: Invalid value: no"], id="optional-old-present"),
        pytest.param([rule("false", messageExpression="'a is ' + string(self.a)")], {"a": 2}, None, ["x: Invalid value: a is 2"], id="message-expression"),
        pytest.param([rule("false", messageExpression="self.nope")], {"a": 2}, None, ["x: Invalid value: no"], id="message-expression-fails"),
        pytest.param([rule("false", fieldPath=".a")], {"a": 2}, None, ["x.a: Invalid value: no"], id="field-path"),
        pytest.param([rule("false", reason="FieldValueForbidden")], {"a": 2}, None, ["x: Forbidden: no"], id="forbidden"),
        pytest.param([rule("false", reason="FieldValueRequired", fieldPath=".b")], {"a": 2}, None, ["x.b: Required value: no"], id="required"),
        pytest.param([{"rule": "self.a > 5"}], {"a": 2}, None, ["x: Invalid value: failed rule: self.a > 5"], id="no-message"),
        pytest.param([rule("self.gone > 5")], {"a": 2}, None, ["x: Invalid value: no such key: gone evaluating rule: no"], id="missing-key"),
        pytest.param([rule("self.a > 5"), rule("self.a > 6", message="nor")], {"a": 2}, None, ["x: Invalid value: no", "x: Invalid value: nor"], id="every-rule"),
        pytest.param([rule("false")], {"a": 2}, {"a": 2}, [], id="unchanged-is-not-judged-again"),
        pytest.param([rule("self.a * 2.0 == 4.0")], {"a": 2}, None, [], id="whole-numbers-are-doubles"),
        pytest.param([rule("self.__namespace__ == 'n'")], {"namespace": "n"}, None, [], id="reserved-name"),
        pytest.param([rule("self.t < timestamp('2027-01-01T00:00:00Z')")], {"t": "2026-01-01T00:00:00Z"}, None, [], id="timestamps"),
        pytest.param([rule("self.d <= duration('1h')")], {"d": "2h"}, None, ["x: Invalid value: no"], id="durations"),
        pytest.param([rule("self.s.find('[0-9]+') == '12' && self.s.split('-').size() == 2")], {"s": "a-12"}, None, [], id="string-library"),
        pytest.param([rule("quantity(self.s).isLessThan(quantity('1Gi')) && isQuantity(self.s)")], {"s": "5Mi"}, None, [], id="quantities"),
    ],
)  # fmt: skip
def test_rules(rules, value, old, expected):
    """`x-kubernetes-validations`: when rules run, and their messages."""
    properties = {name: {"type": "number"} for name in ("a", "b")} | {
        name: {"type": "string"} for name in ("namespace", "s")
    }
    properties |= {"t": {"type": "string", "format": "date-time"}, "d": {"type": "string", "format": "duration"}}
    part = {"type": "object", "properties": properties, "x-kubernetes-validations": rules}
    assert faults(part, value, old) == expected


def test_rules_run_only_on_a_valid_shape():
    """A rule does not run on an object with wrong types."""
    part = {
        "type": "object",
        "properties": {"a": {"type": "integer"}},
        "x-kubernetes-validations": [rule("self.a > 5")],
    }
    assert faults(part, {"a": "x"}) == ['x.a: Invalid value: "string": x.a in body must be of type integer: "string"']


def test_transition_rules_follow_the_key_of_a_list():
    """Items of a keyed list are compared with the item of the same key at any position."""
    part = copy.deepcopy(KEYED)
    part["items"]["x-kubernetes-validations"] = [rule("self.v >= oldSelf.v")]
    old = [{"name": "a", "v": 1}, {"name": "b", "v": 5}]
    assert faults(part, [{"name": "b", "v": 4}, {"name": "a", "v": 2}, {"name": "c", "v": 0}], old) == [
        "x[0]: Invalid value: no"
    ]


@pytest.mark.parametrize(
    ("name", "escaped"),
    [
        ("plain", "plain"),
        ("namespace", "__namespace__"),
        ("a-b", "a__dash__b"),
        ("a.b/c", "a__dot__b__slash__c"),
        ("a__b", "a__underscores__b"),
    ],
)
def test_escape(name, escaped):
    """Property names that are not CEL identifiers are escaped as documented."""
    assert escape(name) == escaped


def test_a_rule_with_invalid_cel_is_rejected():
    """A definition with an invalid rule is rejected."""
    with pytest.raises(ValueError, match="parse"):
        compiled({"type": "object", "x-kubernetes-validations": [{"rule": "self.a >"}]})
