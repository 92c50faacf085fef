"""Conditions of an Experiment, and the reasons of conditions, trials and Events."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from toprung.api.v1alpha1.base import Model


class ConditionType(StrEnum):
    """The conditions of an Experiment."""

    VALID = "Valid"
    RUNNING = "Running"
    SUSPENDED = "Suspended"
    BLOCKED = "Blocked"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    FINISHED = "Finished"  # Succeeded or Failed: `kubectl wait --for=condition=Finished` returns in both cases


class Reason(StrEnum):
    """The reasons of conditions, of a Trial's status and of Events."""

    VALID = "Valid"  # the Experiment is valid
    INVALID = "Invalid"  # the Experiment is invalid; the message lists the field errors
    UNKNOWN_FIELDS = "UnknownFields"  # the spec has fields of a newer CRD, which this version ignores
    TRIALS_RUNNING = "TrialsRunning"  # trials are running or waiting
    STARTING = "Starting"  # no trial runs yet: Pods are being created, scheduled or started
    QUEUED = "Queued"  # scheduling gates hold the Pods, as those of Kueue do
    SUSPENDED = "Suspended"  # spec.suspend is true
    RESUMED = "Resumed"  # spec.suspend is false again
    GOAL_REACHED = "GoalReached"  # a trial reached objective.goal
    MAX_TRIALS_REACHED = "MaxTrialsReached"  # maxTrialCount trials have ended
    MAX_FAILED_TRIALS_REACHED = "MaxFailedTrialsReached"  # more than maxFailedTrialCount trials failed
    MAX_DURATION_REACHED = "MaxDurationReached"  # maxDuration has passed
    NO_PROGRESS = "NoProgress"  # stopWhenNoProgress.trials trials in a row ended without an improvement
    SEARCH_SPACE_EXHAUSTED = "SearchSpaceExhausted"  # a finite space has no untried configuration left
    NO_TRIAL_SUCCEEDED = "NoTrialSucceeded"  # the Experiment ended without a best trial
    SEARCH_FAILED = "SearchFailed"  # the sampler failed; retried with back-off
    QUOTA_EXCEEDED = "QuotaExceeded"  # a ResourceQuota of the namespace refuses Pods
    FORBIDDEN = "Forbidden"  # the operator lacks a permission
    REJECTED = "Rejected"  # the API server rejects the Pod of a trial
    NAME_TAKEN = "NameTaken"  # another object has the name of a Trial or a Pod
    UNREADABLE = "Unreadable"  # another client changed a Trial or a Pod so that it can't be read
    API_UNAVAILABLE = "ApiUnavailable"  # requests to the API server fail repeatedly
    INTERNAL_ERROR = "InternalError"  # a bug in the operator; retried with back-off
    UNSCHEDULABLE = "Unschedulable"  # no node can run the Pod
    IMAGE_PULL = "ImagePull"  # the image can't be pulled
    CONTAINER_CONFIG = "ContainerConfig"  # the container can't be created (missing ConfigMap, volume, command, ...)
    UNBLOCKED = "Unblocked"  # the Experiment is no longer blocked
    IMAGE_CHANGED = "ImageChanged"  # two trials ran different digests of one image
    WARM_START = "WarmStart"  # the sampler learns from trials of other Experiments

    TRIAL_STARTED = "TrialStarted"  # the Pod of the trial runs
    TRIAL_SUCCEEDED = "TrialSucceeded"  # the program succeeded and reported the objective
    EARLY_STOPPED = "EarlyStopped"  # the early-stopping rule stopped the trial
    PAUSED = "Paused"  # the trial waits at a rung with its checkpoint
    PROMOTED = "Promoted"  # a paused trial resumes from its checkpoint
    EXPERIMENT_ENDED = "ExperimentEnded"  # the trial was stopped because the Experiment ended
    PROGRAM_FAILED = "ProgramFailed"  # the program exited with a code other than 0
    METRICS_UNAVAILABLE = "MetricsUnavailable"  # the program succeeded without a report of the objective
    REPORTS_IGNORED = "ReportsIgnored"  # some reports of a trial do not count; status.reports lists the reasons
    NON_FINITE_OBJECTIVE = "NonFiniteObjective"  # every report of the objective was NaN or infinite
    MAX_TRIAL_DURATION_REACHED = "MaxTrialDurationReached"  # an attempt exceeded maxTrialDuration
    MAX_RESOURCE_REACHED = "MaxResourceReached"  # the program continued beyond maxResource and was stopped
    SILENT = "Silent"  # the trial reported no metric within silenceTimeout
    LOG_UNAVAILABLE = "LogUnavailable"  # a new attempt: the log could not be read completely
    NODE_LOST = "NodeLost"  # the node of a deleted Pod does not respond
    RETRYING = "Retrying"  # a new attempt after the program failed
    EXPLOITED = "Exploited"  # a new attempt with the checkpoint and perturbed parameters of a better trial
    CHECKPOINT_COMPLETE = "CheckpointComplete"  # a new attempt: the copied checkpoint was already complete
    DISRUPTED = "Disrupted"  # a new attempt after an eviction, a preemption or a lost node


class Condition(Model):
    """A condition, by the conventions of the Kubernetes API."""

    type: Annotated[str, Field(max_length=64)]
    status: Literal["True", "False", "Unknown"]
    reason: Annotated[str, Field(max_length=128)]
    message: Annotated[str, Field(max_length=32768)] = ""
    observed_generation: int | None = None
    last_transition_time: datetime


@dataclass(frozen=True, slots=True)
class ConditionRecord:
    """A condition inside the operator; `status` is a boolean."""

    type: ConditionType
    status: bool
    reason: str
    message: str
    observed_generation: int
    last_transition_time: datetime
