"""`kubectl get` prints what a real cluster prints."""

from datetime import UTC, datetime

import pytest

from localkube.apiserver import jsonpath, tables
from localkube.apiserver.printers import PRINTERS
from support.api_server import STUDIES, make_store, pod, study

NOW = datetime(2026, 1, 1, 0, 5, tzinfo=UTC)
OBJ = {
    "spec": {"a.b": 1, "list": [{"n": "x", "v": 1}, {"n": "y", "v": 2}], "none": None},
    "status": {"conditions": [{"type": "Ready", "status": "True"}, {"type": "Old", "status": "False"}]},
}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        (".spec.list[0].n", ["x"]), (".spec.list[-1].n", ["y"]), (".spec.list[9].n", []), (".spec.list[*].v", [1, 2]), (r".spec.a\.b", [1]),
        (".spec['a.b']", [1]), ('.status.conditions[?(@.type=="Ready")].status', ["True"]), (".status.conditions[?(@.status=='True')].type", ["Ready"]),
        (".spec.list[?(@.v>1)].n", ["y"]), ("{.spec.list[0].v}", [1]), (".nope.deeper", []), (".spec.none", [None]), (".spec.list[?(@.v==1)].n", ["x"]),
    ],
)  # fmt: skip
def test_jsonpath(path, found):
    """The JSONPath of printer columns."""
    assert jsonpath.find(path, OBJ) == found


def test_an_unsupported_jsonpath_is_an_error():
    """A path outside the subset raises an error instead of printing an empty cell."""
    with pytest.raises(ValueError, match="not understood"):
        jsonpath.find(".a[0:2]", OBJ)


def cells(store, resource, name):
    kind = store.registry.stored(resource)
    obj = store.get(resource, "default", name)
    shown = tables.table(kind, [obj], now=NOW, include="None", version="1")
    return dict(zip([c["name"] for c in shown["columnDefinitions"]], shown["rows"][0]["cells"], strict=True))


def test_custom_columns():
    """Cells have the column's type: relative ages, numbers, and empty cells for missing values."""
    store = make_store(study=True)
    store.create(STUDIES, study(parallel=3))
    status = {"conditions": [{"type": "Running", "status": "False"}, {"type": "Succeeded", "status": "True"}]}
    store.patch(STUDIES, "default", "s", {"status": status}, subresource="status")
    assert cells(store, STUDIES, "s") == {"Name": "s", "Status": "Succeeded", "Parallel": 3, "Best": None, "Age": "5m"}


def status(*, phase="Running", reason=None, state=None, ready=False, restarts=0, **more):
    container = {"name": "main", "ready": ready, "restartCount": restarts, "state": state or {}, **more}
    return {"phase": phase, "containerStatuses": [container], **({"reason": reason} if reason else {})}


@pytest.mark.parametrize(
    ("value", "ready", "word", "restarts"),
    [
        pytest.param({"phase": "Pending"}, "0/1", "Pending", "0", id="pending"),
        pytest.param(status(ready=True, state={"running": {}}), "1/1", "Running", "0", id="running"),
        pytest.param(status(state={"waiting": {"reason": "ImagePullBackOff"}}), "0/1", "ImagePullBackOff", "0", id="waiting"),
        pytest.param(status(phase="Succeeded", state={"terminated": {"reason": "Completed", "exitCode": 0}}), "0/1", "Completed", "0", id="completed"),
        pytest.param(status(phase="Failed", state={"terminated": {"exitCode": 3}}), "0/1", "ExitCode:3", "0", id="exit-code"),
        pytest.param(status(phase="Failed", state={"terminated": {"signal": 9}}), "0/1", "Signal:9", "0", id="signal"),
        pytest.param({"phase": "Failed", "reason": "DeadlineExceeded"}, "0/1", "DeadlineExceeded", "0", id="deadline"),
        pytest.param(status(restarts=2, lastState={"terminated": {"finishedAt": "2026-01-01T00:04:00Z"}}), "0/1", "Running", "2 (60s ago)", id="restarts"),
        pytest.param({"phase": "Pending", "initContainerStatuses": [{"state": {"running": {}}}]}, "0/1", "Init:0/1", "0", id="init"),
        pytest.param({"phase": "Pending", "initContainerStatuses": [{"state": {"terminated": {"exitCode": 1, "reason": "Error"}}}]}, "0/1", "Init:Error", "0", id="init-error"),
    ],
)  # fmt: skip
def test_pod_columns(value, ready, word, restarts):
    """READY, STATUS and RESTARTS are those that kubectl users expect."""
    store = make_store()
    init = {"initContainers": [{"name": "i", "image": "i"}]} if "initContainerStatuses" in value else {}
    store.create("pods", pod(**init))
    store.patch("pods", "default", "p", {"status": value}, subresource="status")
    shown = cells(store, "pods", "p")
    assert (shown["Ready"], shown["Status"], shown["Restarts"], shown["Age"]) == (ready, word, restarts, "5m")


def test_a_deleted_pod_is_terminating():
    """A deleted Pod that is still running is Terminating."""
    store = make_store()
    store.create("pods", pod(nodeName="n"))
    store.delete("pods", "default", "p")
    assert cells(store, "pods", "p")["Status"] == "Terminating"


@pytest.mark.parametrize("printer", [pytest.param(printer, id=str(kind)) for kind, printer in PRINTERS.items()])
def test_every_printer_has_a_cell_for_each_column(printer):
    """The rows of each kind have as many cells as its header."""
    empty = {"metadata": {"name": "x", "creationTimestamp": "2026-01-01T00:00:00Z"}, "spec": {}}
    assert len(printer.cells(empty, NOW)) == len(printer.columns)
