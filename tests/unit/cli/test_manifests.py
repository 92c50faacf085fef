"""Reading of files into objects that can be applied."""

from pathlib import Path

import pytest

from toprung.cli.files.manifests import read_manifests
from toprung.errors import TopRungError

STORED = """\
apiVersion: v1
kind: List
metadata: {resourceVersion: ""}
items:
- apiVersion: v1
  kind: ConfigMap
  metadata: {name: c, namespace: team, uid: u, resourceVersion: "7", managedFields: [{manager: kubectl}], labels: {a: b}}
  data: {k: v}
- apiVersion: toprung.dev/v1alpha1
  kind: Experiment
  metadata: {name: good, creationTimestamp: "2026-01-01T00:00:00Z", generation: 3}
  spec:
    objective: {metric: loss, type: minimize}
    parameters: [{name: x, type: double, min: 0, max: 1}]
    maxTrialCount: 3
    trialTemplate: {template: {spec: {containers: [{name: train, image: busybox}]}}}
  status: {state: Running}
"""


def test_a_list_is_applied_without_what_the_api_server_owns(tmp_path: Path):
    """`toprung run` takes the output of `kubectl get -o yaml`."""
    file = tmp_path / "list.yaml"
    file.write_text(STORED)
    config, experiment = read_manifests(str(file))
    assert config["metadata"] == {"name": "c", "namespace": "team", "labels": {"a": "b"}}
    assert (experiment["metadata"], "status" in experiment) == ({"name": "good"}, False)


@pytest.mark.parametrize(
    "document", ["5", "[1]", "kind: ConfigMap", "{apiVersion: v1, kind: ConfigMap, metadata: {name: 5}}"]
)
def test_a_document_that_is_no_object_is_an_error_with_its_line(tmp_path: Path, document: str):
    """No object of the file is applied."""
    file = tmp_path / "file.yaml"
    file.write_text(f"{STORED}---\n{document}\n")
    with pytest.raises(TopRungError, match=f"{file}:19: is not an object"):
        read_manifests(str(file))
