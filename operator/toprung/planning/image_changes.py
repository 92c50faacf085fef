"""Reports that the tag of an image moved during an experiment: its trials are then not comparable."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from toprung.api.v1alpha1.conditions import Reason
from toprung.planning.actions import EmitEvent
from toprung.planning.snapshot import Snapshot
from toprung.planning.transitions import TrialTransition


def moved_images(
    snapshot: Snapshot, transitions: Iterable[TrialTransition], now: datetime
) -> Iterator[tuple[int, EmitEvent]]:
    """Emit an Event for each trial that is written now and whose image has another digest than in an earlier trial.

    Trials are compared by their Pods while those exist. Where the template has the image without a placeholder, all
    trials have the same, so the records of trials whose Pods are gone are compared too.
    """
    for transition in transitions:
        trial, pod = transition.after, transition.pod
        if pod is None or trial.image_id in ("", transition.before.image_id):
            continue
        write_at = transition.write_at(now)
        if write_at is None or write_at > now:
            continue
        earlier = _earlier(snapshot, transition, pod.image)
        if earlier is not None:
            name, digest = earlier
            message = (
                f"image {pod.image} has changed: trial {trial.name} runs {trial.image_id}, trial {name} ran {digest}. "
                "Pin the image by its digest to compare like with like."
            )
            yield trial.index, EmitEvent(None, True, Reason.IMAGE_CHANGED, message, f"image-{trial.image_id}")  # noqa: FBT003


def _earlier(snapshot: Snapshot, transition: TrialTransition, image: str) -> tuple[str, str] | None:
    """Return name and digest of a trial that ran the same image with another digest; None if there is none."""
    trial = transition.after
    if _is_constant(snapshot, image):
        records = (transition.before, *reversed(snapshot.trials))
        ran = ((record.name, record.image_id) for record in records)
    else:
        ran = ((pod.trial, pod.image_id) for pods in snapshot.pods.values() for pod in pods if pod.image == image)
    return next(((name, digest) for name, digest in ran if digest and digest != trial.image_id), None)


def _is_constant(snapshot: Snapshot, image: str) -> bool:
    containers = snapshot.experiment.spec.trial_template.template["spec"]["containers"]
    return any(each.get("image") == image for each in containers)
