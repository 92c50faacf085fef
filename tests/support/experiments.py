"""An Experiment named team/exp, as JSON and as a record."""

from dataclasses import replace
from datetime import UTC, datetime

from toprung.api.v1alpha1.experiment import ExperimentSpec
from toprung.objects.experiment import ExperimentRecord

SPEC = {
    "objective": {"metric": "score", "type": "maximize"},
    "parameters": [{"name": "x", "type": "int", "min": 0, "max": 9}],
    "maxTrialCount": 3,
    "trialTemplate": {"template": {"spec": {"containers": [{"name": "main", "image": "x"}]}}},
}
KEY = "team/exp"


def body(uid: str, version: int, **metadata) -> dict:
    """Return the Experiment as JSON; `metadata` overrides."""
    about = {
        "namespace": "team",
        "name": "exp",
        "uid": uid,
        "resourceVersion": str(version),
        "generation": 1,
        "creationTimestamp": "2026-01-01T00:00:00Z",
        **metadata,
    }
    return {"apiVersion": "toprung.dev/v1alpha1", "kind": "Experiment", "metadata": about, "spec": SPEC}


EXPERIMENT = ExperimentRecord("team", "exp", "uid", 1, datetime(2026, 1, 1, tzinfo=UTC), ExperimentSpec(**SPEC))
WARM = replace(EXPERIMENT, spec=ExperimentSpec(**SPEC, warmStart={"experiments": ["a", "b"]}))
