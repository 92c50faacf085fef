"""Reading YAML as kubectl does."""

import sys
import tracemalloc
from typing import Any

import pytest

from toprung.cli.files.yaml_documents import BadYaml, read_documents


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *[(text, text) for text in ("1:1", "1:10", "10:0", "1:10:30.5", "2024-01-31", "2024-01-31T10:00:00Z")],
        *[(text, True) for text in ("y", "Y", "yes", "on", "ON", "true")],
        *[(text, False) for text in ("n", "No", "off", "FALSE")],
        *[(text, text) for text in ("yEs", "0x", "0xg", "1e400", "+", ".", "1.2.3", "=", "1 000", "12px", "..5")],
        *[("08", 8), ("0o17", 15), ("017", 15), ("0x1F", 31), ("0b11", 3), ("1_000", 1000), ("-0o17", -15), ("+5", 5)],
        *[("+.5", 0.5), ("-.5e1", -5), (".5", 0.5), ("1.", 1), ("1e-5", 1e-5), ("1.0", 1), ("1e3", 1000), ("-1.5", -1.5)],
        *[("18446744073709551615", 2**64 - 1), ("1" + "0" * 22, 1e22), ("-0", 0)],
        *[("~", None), ("null", None), ("", None)],
        *[('"y"', "y"), ("'08'", "08"), ('"1:10"', "1:10"), ('""', ""), ("!!str 5", "5"), ("!!int '5'", 5), ("!x 5", "5")],
    ],
)  # fmt: skip
def test_a_scalar_has_the_value_that_kubectl_reads(text: str, value: Any):
    """The words are those of YAML 1.1 and numbers those of Go, without base 60 and dates. 1.0 is 1 as in Go's
    JSON.
    """
    (document,) = read_documents(f"a: {text}\n")
    assert (document.value["a"], type(document.value["a"])) == (value, type(value))


@pytest.mark.parametrize(
    ("text", "keys"),
    [("{y: 1}", ["true"]), ("{1: 1, 1.5: 2}", ["1", "1.5"]), ('{"y": 1, off: 2}', ["y", "false"]), ("{08: 1}", ["8"])],
)
def test_keys_become_strings(text: str, keys: list[str]):
    """JSON has no other keys."""
    (document,) = read_documents(text)
    assert list(document.value) == keys


@pytest.mark.parametrize(
    ("text", "line", "fragment"),
    [
        pytest.param("a: 1\nb: {{ .Values.trials }}\n", 2, "a key must be a string, not an object", id="template of a chart"),
        pytest.param("a: 1\n? [a, b]\n: 3\n", 2, "a key must be a string, not a list", id="list as a key"),
        pytest.param("{[1, 2]: 3}", 1, "a key must be a string, not a list", id="list as a key in braces"),
        pytest.param("? {a: b}\n: 3\n", 1, "a key must be a string, not an object", id="mapping as a key"),
        pytest.param("a: &a [1]\n*a : 2\n", 2, "a key must be a string", id="alias of a list as a key"),
        pytest.param("~: 1", 1, "a key must be a string, not null", id="null as a key"),
        pytest.param("a: 1\nb: 2\na: 3\n", 3, '"a" is there already, in line 1', id="key twice"),
        pytest.param("a: 1\ny: 2\non: 3\n", 3, '"true" is there already, in line 2', id="key twice in two forms"),
        pytest.param("a: 1\nb: *c\n", 2, "no anchor &c", id="alias of nothing"),
        pytest.param("a: &a {b: *a}", 1, "inside its own anchor", id="cycle"),
        pytest.param("a: &a [1]\n---\nb: *a\n", 3, "no anchor &a", id="alias into another document"),
        pytest.param("<<: 5", 1, "<< merges objects only", id="merge of a number"),
        pytest.param("a: 1\n\tb: 2\n", 2, "is not YAML", id="tab as indentation"),
        pytest.param("a: 1\nb: \x07\n", 2, "control characters", id="control character"),
        pytest.param("[" * 100_000, 1, "", id="deep list"),
        pytest.param("- " * 100_000, 1, "", id="deep block list"),
        pytest.param("{a: " * 500, 1, "nested more than 200 levels", id="deep mapping"),
    ],
)  # fmt: skip
def test_invalid_yaml_is_one_error_with_its_line(text: str, line: int, fragment: str):
    """There is no traceback, for any text."""
    with pytest.raises(BadYaml) as caught:
        read_documents(text)
    assert (caught.value.line, fragment in str(caught.value), "\n" in str(caught.value)) == (line, True, False)


def aliases(levels: int, form: str) -> str:
    lines = (form.format(i=i, below=",".join([f"*a{i - 1}"] * 9)) for i in range(1, levels))
    return "\n".join(["a0: &a0 {k: 1}", *lines])


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(aliases(20, "a{i}: &a{i} [{below}]"), id="lists of lists"),
        pytest.param(aliases(20, "a{i}: &a{i} {{<<: [{below}], x{i}: 1}}"), id="merges of merges"),
        pytest.param(f"a: &a {{{','.join(f'k{i}: 1' for i in range(2000))}}}\nb: {{<<: [{','.join(['*a'] * 2000)}]}}", id="one large merge many times"),
    ],
)  # fmt: skip
def test_aliases_that_grow_without_bound_are_an_error(text: str):
    """Some hundred bytes could otherwise become gigabytes."""
    with pytest.raises(BadYaml, match="more than 500,000 in all"):
        read_documents(text)


def test_aliases_and_merge_keys_are_resolved():
    """As in kubectl, own keys precede merged ones, and of several merged ones the first."""
    text = "a: &a {x: 1, z: 2}\nb: {<<: *a, x: 3}\nc: {<<: [*a, {z: 4, w: 5}]}\nd: [*a]\n"
    (document,) = read_documents(text)
    a = {"x": 1, "z": 2}
    assert document.value == {"a": a, "b": {"z": 2, "x": 3}, "c": {"x": 1, "z": 2, "w": 5}, "d": [a]}


def test_tabs_can_separate_tokens():
    """Only indentation must not have them, as in kubectl."""
    (document,) = read_documents("a:\t1\nb: [1,\t2]\t\n")
    assert document.value == {"a": 1, "b": [1, 2]}


def test_each_item_of_a_list_is_a_document_with_its_line():
    """`kubectl get -o yaml` prints lists."""
    text = "apiVersion: v1\nkind: List\nitems:\n- kind: A\n  spec:\n    x: 1\n- kind: B\n"
    (document,) = read_documents(text)
    first, second = document.items()
    assert [first.value, second.value] == [{"kind": "A", "spec": {"x": 1}}, {"kind": "B"}]
    assert (first.line("spec.x"), first.line(""), second.line("kind"), second.line("spec.y")) == (6, 4, 7, 7)


def test_the_time_to_split_a_list_is_linear():
    """`kubectl get pods -A -o yaml` has thousands of items."""
    (document,) = read_documents("kind: List\nitems:\n" + "- {kind: Pod, metadata: {name: a}}\n" * 500)
    calls = 0

    def count(*_: Any) -> None:
        nonlocal calls
        calls += 1

    sys.setprofile(count)
    try:
        items = document.items()
    finally:
        sys.setprofile(None)
    assert (len(items), items[-1].line("metadata.name"), calls < 20 * 500) == (500, 502, True)


def test_memory_grows_with_the_text_and_not_with_the_length_of_its_paths():
    """A value under many long keys needs no copy of them: 5,000 values under 100 keys of 1,000 characters."""
    text = "".join(f"{' ' * level}{'k' * 1000}:\n" for level in range(100)) + f"{' ' * 100}[{'1, ' * 5000}]\n"
    tracemalloc.start()
    try:
        read_documents(text)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 50 * 2**20


@pytest.mark.parametrize(
    ("path", "line"),
    [
        pytest.param("metadata.labels.app.x/y", 4, id="key with dots"),
        pytest.param("metadata.labels[app.x/y]", 4, id="key in brackets"),
        pytest.param("metadata.labels.app", 3, id="the shorter of two keys"),
        pytest.param("metadata.labels.app.x", 3, id="no such key under the shorter one"),
        pytest.param("metadata.labels.z", 2, id="missing field"),
        pytest.param("list[1].a[0]", 7, id="fields of items"),
        pytest.param("list[1][a]", 7, id="field of an item in brackets"),
        pytest.param("list[2]", 5, id="missing item"),
        pytest.param(f"list[{'9' * 5000}]", 5, id="absurd index"),
        pytest.param("list.x", 5, id="field of a list"),
        pytest.param("none.x", 1, id="nothing"),
        pytest.param("merged.a", 8, id="field of a merge"),
    ],
)
def test_a_path_has_the_line_of_its_field_or_of_the_nearest_parent(path: str, line: int):
    """Paths have the form that messages use."""
    text = "metadata:\n labels:\n  app: 1\n  app.x/y: 2\nlist:\n- 1\n- {a: [1]}\nmerged: {<<: {a: 1}}\n"
    (document,) = read_documents(text)
    assert document.line(path) == line
