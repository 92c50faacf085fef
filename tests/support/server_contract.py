"""Validation of the table of manifests by an API server: the embedded and a real server pass the same suite."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from kubernetes.aio import client

from support.invalid_manifests import BAD
from support.manifest_updates import UPDATES
from support.manifests import BASE, MINIMAL, SEVERAL, Bad, Good, Manifest, Update, edited
from support.valid_manifests import GOOD
from toprung.api.crd.generate import experiment_crd, trial_crd
from toprung.api.v1alpha1.immutability import TEMPLATE, advice_on

GROUP = {"group": "toprung.dev", "version": "v1alpha1"}
MERGE_PATCH = "application/merge-patch+json"
FIRST_TRIALS: dict[str, dict[str, Any]] = {
    "with trials": {"trials": {"total": 3}, "programStarted": True},
    "with waiting trials": {"trials": {"total": 3}},
    "without trials": {"trials": {"total": 0}},
}
"""Name of an Experiment -> its status. Only spec.trialTemplate can change while trials wait for their Pods to start."""


class ManifestClient:
    """Sends manifests to a server and returns its errors. All requests except those of `store` are dry runs."""

    def __init__(self, api_client: client.ApiClient, namespace: str) -> None:
        self._api = client.CustomObjectsApi(api_client)
        self._namespace = namespace

    async def create(self, manifest: Manifest) -> str:
        """Create an Experiment; return the server's error, "" if it accepts the manifest."""
        where = {**GROUP, "namespace": self._namespace, "plural": "experiments"}
        return await _error_of(
            self._api.create_namespaced_custom_object(**where, body=manifest, dry_run="All", field_validation="Strict")
        )

    async def store(self, plural: str, manifest: Manifest, status: dict[str, Any]) -> None:
        """Create an object and set its status."""
        where = {**GROUP, "namespace": self._namespace, "plural": plural}
        await self._api.create_namespaced_custom_object(**where, body=manifest)
        await self._api.patch_namespaced_custom_object_status(
            **where, name=manifest["metadata"]["name"], body={"status": status}, _content_type=MERGE_PATCH
        )

    async def update(self, plural: str, manifest: Manifest) -> str:
        """Replace the object of the same name; return the server's error, "" if it accepts the manifest."""
        where = {**GROUP, "namespace": self._namespace, "plural": plural, "name": manifest["metadata"]["name"]}
        now: Any = await self._api.get_namespaced_custom_object(**where)
        body = {**manifest, "metadata": now["metadata"]}
        return await _error_of(self._api.replace_namespaced_custom_object(**where, body=body, dry_run="All"))

    async def patch(self, name: str, body: dict[str, Any]) -> str:
        """Patch an Experiment; return the server's error, "" if it accepts the patch."""
        where = {**GROUP, "namespace": self._namespace, "plural": "experiments", "name": name}
        return await _error_of(
            self._api.patch_namespaced_custom_object(**where, body=body, dry_run="All", _content_type=MERGE_PATCH)
        )

    async def scale(self, name: str, replicas: int) -> str:
        """Set the number of parallel trials; return the server's error, "" if it accepts the number."""
        where = {**GROUP, "namespace": self._namespace, "plural": "experiments", "name": name}
        body = {"spec": {"replicas": replicas}}
        return await _error_of(
            self._api.patch_namespaced_custom_object_scale(**where, body=body, dry_run="All", _content_type=MERGE_PATCH)
        )


async def _error_of(request: Any) -> str:
    try:
        await request
    except client.ApiException as error:
        return str(json.loads(error.body)["message"])
    return ""


@asynccontextmanager
async def manifest_client(api_client: client.ApiClient, namespace: str) -> AsyncIterator[ManifestClient]:
    """Provide a client in a new namespace, with the definitions applied and the objects that updates change."""
    core = client.CoreV1Api(api_client)
    await _apply_definitions(api_client)
    await core.create_namespace({"metadata": {"name": namespace}})
    manifests = ManifestClient(api_client, namespace)
    try:
        for name, status in FIRST_TRIALS.items():
            await manifests.store("experiments", named(BASE, name), status)
            several = named(edited(BASE, SEVERAL), f"{name} several")
            await manifests.store("experiments", several, status)
        yield manifests
    finally:
        await core.delete_namespace(namespace)


def named(manifest: Manifest, name: str) -> Manifest:
    return edited(manifest, {"metadata.name": name.replace(" ", "-")})


async def _apply_definitions(api_client: client.ApiClient) -> None:
    extensions = client.ApiextensionsV1Api(api_client)
    for definition in (experiment_crd(), trial_crd()):
        await extensions.patch_custom_resource_definition(
            definition["metadata"]["name"],
            definition,
            field_manager="toprung-tests",
            force=True,
            _content_type="application/apply-patch+yaml",
        )
        await _established(extensions, definition["metadata"]["name"])


async def _established(extensions: client.ApiextensionsV1Api, name: str) -> None:
    async with asyncio.timeout(30):
        while True:
            conditions = (await extensions.read_custom_resource_definition(name)).status.conditions or []
            if any(condition.type == "Established" and condition.status == "True" for condition in conditions):
                return
            await asyncio.sleep(0.2)


class ManifestSuite:
    """The tests of a server. A subclass requires a fixture `manifests`."""

    @pytest.mark.parametrize("good", [pytest.param(case, id=case.name) for case in GOOD])
    async def test_a_valid_manifest_is_accepted(self, manifests: ManifestClient, good: Good):
        """The server accepts every valid manifest."""
        assert await manifests.create(good.manifest()) == ""

    @pytest.mark.parametrize("bad", [pytest.param(case, id=case.name) for case in BAD])
    async def test_an_invalid_manifest_is_rejected_if_a_schema_expresses_the_rule(
        self, manifests: ManifestClient, bad: Bad
    ):
        """The error names the correction. The operator reports the errors that no schema expresses."""
        answer = await manifests.create(bad.manifest())
        if bad.schema is None:
            assert answer == ""
        else:
            assert bad.schema in answer

    @pytest.mark.parametrize("update", [pytest.param(case, id=case.name) for case in UPDATES])
    @pytest.mark.parametrize("name", FIRST_TRIALS)
    async def test_immutable_fields_can_change_until_the_first_trial(
        self, manifests: ManifestClient, update: Update, name: str
    ):
        """An update of an immutable field is rejected when trials exist, with the path of the field."""
        whole = f"{name} several" if update.several else name
        answer = await manifests.update("experiments", named(update.manifest(), whole))
        status = FIRST_TRIALS[name]
        waiting = update.path == f"spec.{TEMPLATE}" and "programStarted" not in status
        if status["trials"]["total"] and update.path and not waiting:
            assert f"{update.path}: Forbidden: {advice_on(update.path.removeprefix('spec.'))}" in answer
            assert answer.count("Forbidden") == 1
        else:
            assert answer == ""

    @pytest.mark.parametrize(("replicas", "expected"), [(200, ""), (201, "must not be above maxTrialCount")])
    async def test_scaling_is_validated(self, manifests: ManifestClient, replicas: int, expected: str):
        """`kubectl scale` sets parallelTrialCount, up to maxTrialCount."""
        answer = await manifests.scale("with-trials", replicas)
        assert (expected in answer) if expected else answer == ""

    async def test_an_omitted_union_can_be_set_later(self, manifests: ManifestClient):
        """`kubectl apply` merges fields, so that a default would become a second member."""
        await manifests.store("experiments", MINIMAL, {})
        assert await manifests.patch("minimal", {"spec": {"algorithm": {"random": {}}}}) == ""

    async def test_the_spec_of_a_trial_is_immutable(self, manifests: ManifestClient):
        """The configuration of a Trial is written once."""
        trial = {
            "apiVersion": "toprung.dev/v1alpha1",
            "kind": "Trial",
            "metadata": {"name": "mnist-0"},
            "spec": {"experiment": "mnist", "index": 0, "parameters": {"lr": 0.1, "opt": "adam"}},
        }
        await manifests.store("trials", trial, {"state": "Running", "curve": [[1, 0.5], [2, None]]})
        assert await manifests.update("trials", trial) == ""
        assert "immutable" in await manifests.update("trials", edited(trial, {"spec.parameters.lr": 0.2}))
        assert "immutable" in await manifests.update("trials", edited(trial, {"spec.index": 1}))
