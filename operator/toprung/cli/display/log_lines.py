"""Formats changes of Experiments and Trials as log lines. Pure."""

import re
from collections.abc import Callable, Iterator, Mapping

from toprung.api.v1alpha1.conditions import ConditionRecord, ConditionType, Reason
from toprung.api.v1alpha1.trial import TrialState
from toprung.cli.display.format import number
from toprung.cli.display.watcher import ExperimentView
from toprung.objects.configuration import format_configuration
from toprung.objects.experiment import ExperimentRecord
from toprung.objects.trial import TrialRecord
from toprung.planning.scoring import incumbent
from toprung.planning.uncounted_reports import ignored_reports


def trial_line(old: TrialRecord | None, new: TrialRecord) -> str | None:
    """Format the transition of a trial to a new state or attempt; None if there is none to show."""
    if old is not None and (old.state, old.attempt) == (new.state, new.attempt):
        return None
    if new.state is TrialState.PENDING and new.attempt == 1:
        return None  # its Pod has not started
    return f"{new.name} {_PREDICATES[new.state](new)}"


def ignored_line(old: TrialRecord | None, new: TrialRecord) -> str | None:
    """Format a warning when the first reports of a trial were ignored, otherwise return None."""
    if not new.progress.ignored or (old is not None and old.progress.ignored):
        return None
    return f"warning: {new.name}: {ignored_reports(new.progress)}"


_PREDICATES: Mapping[TrialState, Callable[[TrialRecord], str]] = {
    TrialState.PENDING: lambda trial: f"{_new_attempt(trial)} (attempt {trial.attempt}): {trial.message}",
    TrialState.RUNNING: lambda trial: f"started: {format_configuration(trial.current_parameters)}",
    TrialState.PAUSED: lambda trial: f"paused{_latest(trial)}: {trial.message}",
    TrialState.STOPPED: lambda trial: f"stopped{_latest(trial)}: {trial.message}",
    TrialState.SUCCEEDED: lambda trial: f"succeeded{_latest(trial)}",
    TrialState.FAILED: lambda trial: f"failed: {trial.message}",
}


def _new_attempt(trial: TrialRecord) -> str:
    return "continues from the checkpoint of another trial" if trial.reason == Reason.EXPLOITED else "is retried"


def _latest(trial: TrialRecord) -> str:
    latest, best = trial.progress.latest, trial.progress.best
    if latest is None:
        return ""
    at = f" at step {latest.step} with {number(latest.value)}"
    return f"{at} (best {number(best.value)})" if best is not None and best.step != latest.step else at


def experiment_lines(old: ExperimentView | None, new: ExperimentView) -> Iterator[str]:
    """Yield lines for the changes of an Experiment: a new best trial, a new state, a new condition."""
    before, after = (_best(view) if view is not None else None for view in (old, new))
    if after is not None and after != before:
        yield f"new best: {after}"
    if (old.state if old is not None else "") != new.state:
        yield f"{new.experiment.name} is {new.state}"
    known = _blocking_conditions(old) if old is not None else {}
    yield from (line for reason, line in _blocking_conditions(new).items() if reason not in known)


def _best(view: ExperimentView) -> str | None:
    if not isinstance(view.experiment, ExperimentRecord):
        return None
    objective = view.experiment.spec.primary_objective
    best = incumbent(view.trials, objective)
    if best is None:
        return None
    trial, observation = best
    parameters = format_configuration(trial.current_parameters)
    return f"{objective.metric} {number(observation.value)} by {trial.name}, {parameters}"


def _blocking_conditions(view: ExperimentView) -> dict[tuple[str, str], str]:
    """Return a line for each condition that stops progress, by type and reason.

    The message is not part of the key: it names a Pod, which changes too often to print a line each time.
    """
    return {
        (condition.type, condition.reason): f"{condition.type} ({condition.reason}): {with_remedy(condition)}"
        for condition in view.experiment.conditions
        if condition.type in (ConditionType.BLOCKED, ConditionType.SUSPENDED) and condition.status
    }


_LACKING = re.compile(r"Insufficient ([a-zA-Z0-9./_-]*[a-zA-Z0-9])")
_REMEDIES: Mapping[str, str] = {
    "nvidia.com/gpu": "Simulate GPUs by --gpus N where the cluster is started, or remove {name} from the template.",
}


def with_remedy(condition: ConditionRecord) -> str:
    """Return the message of a condition; where the machine never has room for a Pod, with what changes that."""
    if condition.reason != Reason.UNSCHEDULABLE or "Preemption is not helpful" not in condition.message:
        return condition.message
    names = dict.fromkeys(_LACKING.findall(condition.message))
    advice = (_REMEDIES.get(name, "Request less {name} in the template.").format(name=name) for name in names)
    return "\n".join([condition.message, *advice])
