"""Discovery, OpenAPI, and the groups and versions of a kind."""

import copy

from support.api_server import CRDS, MANIFESTS, MERGE, STUDIES, STUDIES_URL, STUDY_CRD, make_store, serving, study


async def test_events_in_both_groups(client):
    """An event written through events.k8s.io is read through core, and the reverse."""
    new = {"metadata": {"name": "e"}, "regarding": {"kind": "Pod", "name": "p"}, "note": "hello", "reason": "R"}
    assert (await client("POST", "/apis/events.k8s.io/v1/namespaces/default/events", new))[0] == 201
    _, core = await client("GET", "/api/v1/namespaces/default/events/e")
    assert (core["apiVersion"], core["message"], core["involvedObject"]["name"]) == ("v1", "hello", "p")
    _, listed = await client("GET", "/apis/events.k8s.io/v1/events")
    assert (listed["items"][0]["apiVersion"], listed["items"][0]["note"]) == ("events.k8s.io/v1", "hello")


async def test_discovery(client):
    """Both forms of discovery name the custom kind with its short name and subresources."""
    _, listed = await client("GET", "/apis/example.dev/v1")
    assert [r["name"] for r in listed["resources"]] == ["studies", "studies/scale", "studies/status"]
    _, whole = await client(
        "GET", "/apis", Accept="application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
    )
    assert client.headers["Content-Type"].endswith("as=APIGroupDiscoveryList")
    [group] = [item for item in whole["items"] if item["metadata"]["name"] == "example.dev"]
    assert group["versions"][0]["resources"][0]["shortNames"] == ["st"]
    _, old = await client("GET", "/apis")
    assert "example.dev" in [g["name"] for g in old["groups"]]


async def test_openapi_of_a_custom_kind(client):
    """The document contains the schema, and PATCH accepts fieldValidation."""
    _, index = await client("GET", "/openapi/v3")
    url = index["paths"]["apis/example.dev/v1"]["serverRelativeURL"].split("correct-horse")[1]
    _, document = await client("GET", url)
    schema = document["components"]["schemas"]["dev.example.v1.Study"]
    assert schema["properties"]["spec"]["properties"]["parallel"]["default"] == 2
    patch = document["paths"]["/apis/example.dev/v1/namespaces/{namespace}/studies/{name}"]["patch"]
    assert "fieldValidation" in [p["name"] for p in patch["parameters"]]


async def test_definitions_of_a_folder_are_served(tmp_path):
    """The definitions of a folder are created at the start and updated at the next."""
    (tmp_path / "study.yaml").write_text((MANIFESTS / "study-crd.yaml").read_text())
    store = make_store()
    for _ in range(2):
        async with serving(store, crd_dir=tmp_path):
            assert store.list(STUDIES)[0] == []


async def test_every_served_version_shows_the_same_object(client):
    """An object written in one version of its kind is read and watched in another, with that apiVersion."""
    crd = copy.deepcopy(STUDY_CRD)
    [first] = crd["spec"]["versions"]
    crd["spec"]["versions"].append({**copy.deepcopy(first), "name": "v2", "storage": False})
    client.store.update(CRDS, crd)
    url = STUDIES_URL.replace("/v1/", "/v2/")
    status, made = await client("POST", url, {**study(), "apiVersion": "example.dev/v2", "kind": "Study"})
    assert (status, made["apiVersion"]) == (201, "example.dev/v2")
    assert client.store.get(STUDIES, "default", "s")["apiVersion"] == "example.dev/v1"
    assert (await client("PATCH", f"{url}/s", {"spec": {"parallel": 5}}, **MERGE))[1]["apiVersion"] == "example.dev/v2"
    [(_, seen)] = await client.watch(f"{url}?watch=1", 1)
    assert (seen["apiVersion"], seen["spec"]["parallel"]) == ("example.dev/v2", 5)
    assert (await client("GET", f"{STUDIES_URL}/s"))[1]["apiVersion"] == "example.dev/v1"
