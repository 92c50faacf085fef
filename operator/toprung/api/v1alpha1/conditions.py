"""Conditions, by the Kubernetes conventions: lastTransitionTime changes only when the status does."""

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
    """Every reason that a condition, a Trial's status or an Event may give, and what it means."""

    VALID = "Valid"  # the manifest keeps all rules
    INVALID = "Invalid"  # it breaks some; the message says which and what to write
    UNKNOWN_FIELDS = "UnknownFields"  # the spec has fields of a newer CRD, which this version ignores
    TRIALS_RUNNING = "TrialsRunning"  # trials run or wait
    STARTING = "Starting"  # no trial runs yet: Pods are being created, scheduled or started
    QUEUED = "Queued"  # scheduling gates hold the Pods, as those of Kueue do
    SUSPENDED = "Suspended"  # spec.suspend is true
    RESUMED = "Resumed"  # spec.suspend was taken back
    GOAL_REACHED = "GoalReached"  # a trial is as good as objective.goal
    MAX_TRIALS_REACHED = "MaxTrialsReached"  # all of maxTrialCount have ended
    MAX_FAILED_TRIALS_REACHED = "MaxFailedTrialsReached"  # more than maxFailedTrialCount failed
    MAX_DURATION_REACHED = "MaxDurationReached"  # maxDuration is over
    NO_PROGRESS = "NoProgress"  # as many trials as stopWhenNoProgress says ended without making the best better
    SEARCH_SPACE_EXHAUSTED = "SearchSpaceExhausted"  # a finite space has no untried configuration left
    NO_TRIAL_SUCCEEDED = "NoTrialSucceeded"  # the end was reached and there is no best trial
    SEARCH_FAILED = "SearchFailed"  # the sampler raised; retried
    QUOTA_EXCEEDED = "QuotaExceeded"  # the namespace's ResourceQuota refuses Pods
    FORBIDDEN = "Forbidden"  # the operator may not do it
    REJECTED = "Rejected"  # the API server refuses the trial's Pod
    NAME_TAKEN = "NameTaken"  # another object has the name of a Trial or Pod
    UNREADABLE = "Unreadable"  # a Trial or Pod was changed and cannot be read
    API_UNAVAILABLE = "ApiUnavailable"  # the API server repeatedly fails to carry out a request
    INTERNAL_ERROR = "InternalError"  # an unexpected exception of the operator; retried
    UNSCHEDULABLE = "Unschedulable"  # no node has room
    IMAGE_PULL = "ImagePull"  # the image can't be pulled
    CONTAINER_CONFIG = "ContainerConfig"  # the container can't be made (missing ConfigMap, volume, command, ...)
    UNBLOCKED = "Unblocked"  # what blocked is over
    IMAGE_CHANGED = "ImageChanged"  # two trials ran different digests of the same image
    WARM_START = "WarmStart"  # how many trials of other Experiments the sampler learns from

    TRIAL_STARTED = "TrialStarted"  # its Pod runs
    TRIAL_SUCCEEDED = "TrialSucceeded"  # the program ended well and reported the objective
    EARLY_STOPPED = "EarlyStopped"  # its rung's verdict
    PAUSED = "Paused"  # at its rung, checkpoint kept, until others have made it one of the best
    PROMOTED = "Promoted"  # it continues from its rung
    EXPERIMENT_ENDED = "ExperimentEnded"  # stopped because the experiment was over
    PROGRAM_FAILED = "ProgramFailed"  # non-zero exit
    METRICS_UNAVAILABLE = "MetricsUnavailable"  # ended well without the objective's metric
    REPORTS_IGNORED = "ReportsIgnored"  # reports of a trial did not count; status.reports has the reasons
    NON_FINITE_OBJECTIVE = "NonFiniteObjective"  # every report of the objective was NaN or infinite
    MAX_TRIAL_DURATION_REACHED = "MaxTrialDurationReached"  # the attempt took longer than maxTrialDuration
    MAX_RESOURCE_REACHED = "MaxResourceReached"  # the trial used maxResource; its program, which did not end, was ended
    SILENT = "Silent"  # no metric was reported for silenceTimeout
    LOG_UNAVAILABLE = "LogUnavailable"  # a new attempt: the log could not be read to its end
    NODE_LOST = "NodeLost"  # a deleted Pod does not end: its node does not answer
    RETRYING = "Retrying"  # a new attempt after a failure of the program
    EXPLOITED = "Exploited"  # a new attempt with the checkpoint and the parameters of a better trial
    CHECKPOINT_COMPLETE = "CheckpointComplete"  # a new attempt: the checkpoint that was copied left nothing to train
    DISRUPTED = "Disrupted"  # a new attempt after an eviction, a preemption or a lost node


class Condition(Model):
    """One condition, as Kubernetes writes it."""

    type: Annotated[str, Field(max_length=64)]
    status: Literal["True", "False", "Unknown"]
    reason: Annotated[str, Field(max_length=128)]
    message: Annotated[str, Field(max_length=32768)] = ""
    observed_generation: int | None = None
    last_transition_time: datetime


@dataclass(frozen=True, slots=True)
class ConditionRecord:
    """A condition inside the operator; `status` is the boolean of True/False."""

    type: ConditionType
    status: bool
    reason: str
    message: str
    observed_generation: int
    last_transition_time: datetime
