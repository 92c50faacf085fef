"""The table of manifests, judged by an API server: the suite that the embedded and a real one must pass alike."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from kubernetes.aio import client

from support.manifests import BAD, BASE, GOOD, MINIMAL, SEVERAL, UPDATES, Bad, Good, Manifest, Update, edited
from toprung.api.crd.generate import experiment_crd, trial_crd
from toprung.api.v1alpha1.immutability import TEMPLATE, advice_on

GROUP = {"group": "toprung.dev", "version": "v1alpha1"}
MERGE_PATCH = "application/merge-patch+json"
FIRST_TRIALS: dict[str, dict[str, Any]] = {
    "with trials": {"trials": {"total": 3}, "programStarted": True},
    "with waiting trials": {"trials": {"total": 3}},
    "without trials": {"trials": {"total": 0}},
}
"""Experiments by what has happened; only spec.trialTemplate may change while trials wait for their Pods to start."""


class Judge:
    """Asks a server what it makes of a manifest; everything but what an update needs is a dry run."""

    def __init__(self, api_client: client.ApiClient, namespace: str) -> None:
        self._api = client.CustomObjectsApi(api_client)
        self._namespace = namespace

    async def create(self, manifest: Manifest) -> str:
        """Give the server's refusal, "" where it takes the manifest."""
        where = {**GROUP, "namespace": self._namespace, "plural": "experiments"}
        return await _refusal(
            self._api.create_namespaced_custom_object(**where, body=manifest, dry_run="All", field_validation="Strict")
        )

    async def keep(self, plural: str, manifest: Manifest, status: dict[str, Any]) -> None:
        """Create an object and give it a status."""
        where = {**GROUP, "namespace": self._namespace, "plural": plural}
        await self._api.create_namespaced_custom_object(**where, body=manifest)
        await self._api.patch_namespaced_custom_object_status(
            **where, name=manifest["metadata"]["name"], body={"status": status}, _content_type=MERGE_PATCH
        )

    async def update(self, plural: str, manifest: Manifest) -> str:
        """Give the server's refusal of what would replace the object of that name, "" where it takes it."""
        where = {**GROUP, "namespace": self._namespace, "plural": plural, "name": manifest["metadata"]["name"]}
        now: Any = await self._api.get_namespaced_custom_object(**where)
        body = {**manifest, "metadata": now["metadata"]}
        return await _refusal(self._api.replace_namespaced_custom_object(**where, body=body, dry_run="All"))

    async def patch(self, name: str, body: dict[str, Any]) -> str:
        """Give the server's refusal of a merge patch of an Experiment, "" where it takes it."""
        where = {**GROUP, "namespace": self._namespace, "plural": "experiments", "name": name}
        return await _refusal(
            self._api.patch_namespaced_custom_object(**where, body=body, dry_run="All", _content_type=MERGE_PATCH)
        )

    async def scale(self, name: str, replicas: int) -> str:
        """Give the server's refusal of as many trials at once, "" where it takes it."""
        where = {**GROUP, "namespace": self._namespace, "plural": "experiments", "name": name}
        body = {"spec": {"replicas": replicas}}
        return await _refusal(
            self._api.patch_namespaced_custom_object_scale(**where, body=body, dry_run="All", _content_type=MERGE_PATCH)
        )


async def _refusal(request: Any) -> str:
    try:
        await request
    except client.ApiException as error:
        return str(json.loads(error.body)["message"])
    return ""


@asynccontextmanager
async def judging(api_client: client.ApiClient, namespace: str) -> AsyncIterator[Judge]:
    """Lend a judge with the definitions applied and the objects that updates start from, in a namespace of its own."""
    core = client.CoreV1Api(api_client)
    await _apply_definitions(api_client)
    await core.create_namespace({"metadata": {"name": namespace}})
    judge = Judge(api_client, namespace)
    try:
        for name, status in FIRST_TRIALS.items():
            await judge.keep("experiments", named(BASE, name), status)
            several = named(edited(BASE, SEVERAL), f"{name} several")
            await judge.keep("experiments", several, status)
        yield judge
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
    """Needs a fixture `judge`."""

    @pytest.mark.parametrize("good", [pytest.param(case, id=case.name) for case in GOOD])
    async def test_a_good_manifest_is_taken(self, judge: Judge, good: Good):
        """What should be valid is."""
        assert await judge.create(good.manifest()) == ""

    @pytest.mark.parametrize("bad", [pytest.param(case, id=case.name) for case in BAD])
    async def test_a_bad_manifest_is_refused_where_a_schema_can_say_so(self, judge: Judge, bad: Bad):
        """The answer says what to write; what no schema can express is taken, and left to the operator."""
        answer = await judge.create(bad.manifest())
        if bad.schema is None:
            assert answer == ""
        else:
            assert bad.schema in answer

    @pytest.mark.parametrize("update", [pytest.param(case, id=case.name) for case in UPDATES])
    @pytest.mark.parametrize("name", FIRST_TRIALS)
    async def test_what_is_immutable_may_change_until_the_first_trial(self, judge: Judge, update: Update, name: str):
        """An update of an immutable field is refused once there are trials, and blamed on that field."""
        whole = f"{name} several" if update.several else name
        answer = await judge.update("experiments", named(update.manifest(), whole))
        status = FIRST_TRIALS[name]
        waiting = update.path == f"spec.{TEMPLATE}" and "programStarted" not in status
        if status["trials"]["total"] and update.path and not waiting:
            assert f"{update.path}: Forbidden: {advice_on(update.path.removeprefix('spec.'))}" in answer
            assert answer.count("Forbidden") == 1
        else:
            assert answer == ""

    @pytest.mark.parametrize(("replicas", "says"), [(200, ""), (201, "must not be above maxTrialCount")])
    async def test_scaling_keeps_the_rules(self, judge: Judge, replicas: int, says: str):
        """`kubectl scale` sets parallelTrialCount, within maxTrialCount."""
        answer = await judge.scale("with-trials", replicas)
        assert (says in answer) if says else answer == ""

    async def test_a_union_that_was_left_out_may_be_named_later(self, judge: Judge):
        """`kubectl apply` merges: a default in its place would be a second member."""
        await judge.keep("experiments", MINIMAL, {})
        assert await judge.patch("minimal", {"spec": {"algorithm": {"random": {}}}}) == ""

    async def test_a_trials_spec_never_changes(self, judge: Judge):
        """The configuration of a Trial is written once."""
        trial = {
            "apiVersion": "toprung.dev/v1alpha1",
            "kind": "Trial",
            "metadata": {"name": "mnist-0"},
            "spec": {"experiment": "mnist", "index": 0, "parameters": {"lr": 0.1, "opt": "adam"}},
        }
        await judge.keep("trials", trial, {"state": "Running", "curve": [[1, 0.5], [2, None]]})
        assert await judge.update("trials", trial) == ""
        assert "immutable" in await judge.update("trials", edited(trial, {"spec.parameters.lr": 0.2}))
        assert "immutable" in await judge.update("trials", edited(trial, {"spec.index": 1}))
