"""The permissions of the operator and of users."""

import pytest

from support.chart import NAMESPACE, ONE_NAMESPACE, Object, of_kind, render

OPERATOR = {
    ("toprung.dev", "experiments"): {"get", "list", "watch"},
    ("toprung.dev", "experiments/status"): {"patch"},
    ("toprung.dev", "experiments/finalizers"): {"update"},
    ("toprung.dev", "trials"): {"get", "list", "watch", "create"},
    ("toprung.dev", "trials/status"): {"patch"},
    ("toprung.dev", "trials/finalizers"): {"update"},
    ("", "pods"): {"get", "list", "watch", "create", "patch", "delete"},
    ("", "pods/log"): {"get"},
    ("", "events"): {"create", "list"},
}
OF_THE_CLUSTER = {("", "nodes"): {"get"}}
READ = {"get", "list", "watch"}
VIEWER = {
    ("toprung.dev", resource): READ
    for resource in ("experiments", "experiments/scale", "experiments/status", "trials", "trials/status")
}
EDITOR = {
    ("toprung.dev", "experiments"): {"create", "delete", "deletecollection", "patch", "update"},
    ("toprung.dev", "experiments/scale"): {"patch", "update"},
}
CLUSTER_SCOPED = {"ClusterRole", "ClusterRoleBinding", "CustomResourceDefinition"}


def permissions(role: Object) -> dict[tuple[str, str], set[str]]:
    """Return the verbs of each (API group, resource)."""
    table: dict[tuple[str, str], set[str]] = {}
    for rule in role["rules"]:
        assert rule.keys() == {"apiGroups", "resources", "verbs"}
        for group in rule["apiGroups"]:
            for resource in rule["resources"]:
                table.setdefault((group, resource), set()).update(rule["verbs"])
    return table


def named(objects: list[Object], kind: str, name: str) -> Object:
    (found,) = (each for each in of_kind(objects, kind) if each["metadata"]["name"] == name)
    return found


@pytest.mark.parametrize(
    ("values", "role", "binding", "namespace"),
    [
        pytest.param({}, "ClusterRole", "ClusterRoleBinding", None, id="all namespaces"),
        pytest.param(ONE_NAMESPACE, "Role", "RoleBinding", "team-vision", id="one namespace"),
    ],
)
def test_the_operator_has_exactly_the_permissions_that_it_needs(
    values: dict, role: str, binding: str, namespace: str | None
):
    """One role with these verbs is bound to its account, in the served namespaces."""
    objects = render(values)
    granted, bound = named(objects, role, "toprung"), named(objects, binding, "toprung")
    assert permissions(granted) == OPERATOR | ({} if namespace else OF_THE_CLUSTER)
    assert bound["roleRef"] == {"apiGroup": "rbac.authorization.k8s.io", "kind": role, "name": "toprung"}
    assert bound["subjects"] == [{"kind": "ServiceAccount", "name": "toprung", "namespace": NAMESPACE}]
    assert granted["metadata"].get("namespace") == bound["metadata"].get("namespace") == namespace
    kinds = [each["kind"] for each in objects if each["kind"].endswith("Binding")]
    assert kinds == [binding]


def test_one_namespace_needs_no_cluster_wide_object():
    """A team with permissions in only its namespace can install it there."""
    values = ONE_NAMESPACE | {"crds": {"install": False}, "rbac": {"aggregate": False}}
    assert {each["kind"] for each in render(values)} & CLUSTER_SCOPED == set()


@pytest.mark.parametrize(
    "values", [pytest.param({}, id="all namespaces"), pytest.param(ONE_NAMESPACE, id="one namespace")]
)
@pytest.mark.parametrize(
    ("name", "allowed", "roles"),
    [
        pytest.param("toprung-edit", EDITOR, {"admin", "edit"}, id="edit"),
        pytest.param("toprung-view", VIEWER, {"admin", "edit", "view"}, id="view"),
    ],
)
def test_roles_of_namespaces_include_experiments(values: dict, name: str, allowed: dict, roles: set[str]):
    """Editors can edit Experiments, all roles can read Trials, and only the operator writes them."""
    role = named(render(values), "ClusterRole", name)
    assert permissions(role) == allowed
    prefix = "rbac.authorization.k8s.io/aggregate-to-"
    aggregated = {
        key.removeprefix(prefix): value for key, value in role["metadata"]["labels"].items() if key.startswith(prefix)
    }
    assert aggregated == dict.fromkeys(roles, "true")


def test_aggregation_can_be_omitted():
    """Then only the operator's own role remains."""
    roles = of_kind(render({"rbac": {"aggregate": False}}), "ClusterRole")
    assert [role["metadata"]["name"] for role in roles] == ["toprung"]


def test_only_the_operators_pod_mounts_its_token():
    """Another Pod that runs as the account has no token without a request."""
    objects = render()
    (account,) = of_kind(objects, "ServiceAccount")
    (made,) = of_kind(objects, "Deployment")
    assert account["automountServiceAccountToken"] is False
    assert made["spec"]["template"]["spec"]["automountServiceAccountToken"] is True
    assert made["spec"]["template"]["spec"]["serviceAccountName"] == account["metadata"]["name"]
