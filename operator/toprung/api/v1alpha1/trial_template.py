"""The Pod template of the trials of an Experiment, their checkpoints, and the retention of their Pods."""

from typing import Annotated, Any, Literal

from pydantic import Field

from toprung.api.v1alpha1.base import Duration, Model


class Checkpoint(Model):
    """The volume for checkpoints. With checkpoints, retries and promotions resume a trial instead of starting again."""

    volume: Annotated[dict[str, Any], Field(min_length=1, max_length=1)]
    """A volume source of a Pod, such as {persistentVolumeClaim: {claimName: ckpt}}."""
    mount_path: Annotated[str, Field(pattern=r"^/", max_length=256)] = "/checkpoints"
    """Path at which the volume is mounted. Each trial has its own directory in the volume."""


class PodRetention(Model):
    """The finished Pods to keep. They hold no GPU, and you can read their logs."""

    keep: Literal["all", "failed", "none"] = "all"
    """Keeps all Pods, the Pods of failed trials, or none."""
    ttl: Duration | None = None
    """Time after which a kept Pod is deleted. Defaults to the lifetime of the Experiment."""


class TrialTemplate(Model):
    """The Pod of each trial, with its retries and time limits."""

    retries: Annotated[int, Field(ge=0, le=100)] = 0
    """Number of retries of a trial whose program fails. Disruptions (evictions, lost nodes) do not count."""
    max_trial_duration: Duration | None = None
    """Time limit of one attempt. A trial that exceeds it is not retried. It ends as Stopped if it has reported the
    objective, and as Failed otherwise."""
    silence_timeout: Duration | None = None
    """Time limit between two reports of a metric. A trial that exceeds it ends as Failed with reason Silent. Defaults
    to no limit."""
    node_lost_timeout: Duration | None = None
    """With spec.checkpoint: how long the next attempt waits for a deleted Pod whose node does not respond. Two attempts
    must not write to one checkpoint. Defaults to 10m. Without spec.checkpoint, the next attempt starts as soon as the
    Pod is deleted."""
    primary_container: Annotated[str | None, Field(min_length=1, max_length=63)] = None
    """Name of the container whose output and exit code decide the trial. Defaults to the container in the template's
    annotation kubectl.kubernetes.io/default-container, or else to the first container."""
    template: dict[str, Any]
    """A PodTemplateSpec. ${parameters.NAME}, ${resource}, ${trial.name} and ${trial.index} are replaced in its
    strings."""
