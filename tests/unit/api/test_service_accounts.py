"""Trial Pods do not run as the operator."""

import pytest

from toprung.api.pod_template.accounts import ServiceAccount, validate_service_account

OWN = ServiceAccount("toprung-system", "toprung")


@pytest.mark.parametrize(
    ("own", "namespace", "spec", "paths"),
    [
        pytest.param(
            OWN, "toprung-system", {"serviceAccountName": "toprung"}, ["serviceAccountName"], id="own account"
        ),
        pytest.param(OWN, "toprung-system", {"serviceAccount": "toprung"}, ["serviceAccount"], id="deprecated alias"),
        pytest.param(
            OWN,
            "toprung-system",
            {"serviceAccountName": "top${parameters.x}"},
            ["serviceAccountName"],
            id="placeholder",
        ),
        pytest.param(
            OWN,
            "toprung-system",
            {"serviceAccountName": "a", "serviceAccount": "toprung"},
            ["serviceAccount"],
            id="both",
        ),
        pytest.param(OWN, "toprung-system", {"serviceAccountName": "deployer"}, [], id="another account"),
        pytest.param(OWN, "toprung-system", {}, [], id="default account"),
        pytest.param(OWN, "team-a", {"serviceAccountName": "toprung"}, [], id="same name in another namespace"),
        pytest.param(None, "team-a", {"serviceAccountName": "toprung"}, [], id="operator outside of a cluster"),
        pytest.param(
            ServiceAccount("a", "default"), "a", {}, ["serviceAccountName"], id="operator runs as the default account"
        ),
        pytest.param(ServiceAccount("a", "default"), "a", {"serviceAccountName": "b"}, [], id="default, another used"),
    ],
)
def test_the_operators_account_is_rejected(own, namespace, spec, paths):
    """Only the operator's own account in its own namespace is rejected, in all spellings."""
    errors = list(validate_service_account(own, namespace, {"spec": spec}))
    assert [error.path for error in errors] == [f"spec.trialTemplate.template.spec.{path}" for path in paths]
