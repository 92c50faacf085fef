"""What the author of an Experiment is told of its warm start."""

from toprung.api.v1alpha1.conditions import Reason
from toprung.controller.suggestion_cache import PendingSuggestions
from toprung.objects.experiment import ExperimentRecord
from toprung.planning.actions import EmitEvent


def warm_start(experiment: ExperimentRecord, ready: PendingSuggestions) -> EmitEvent | None:
    """Say from how many trials the sampler learns, loudly where it is none; None where nothing is to be said."""
    warm = experiment.spec.warm_start
    if warm is None or ready.learnt is None or ready.prior is None:
        return None
    names, known = ", ".join(warm.experiments), len(ready.prior)
    if not known:
        message = f"no trial of {names} had ended when this Experiment was made; make it anew when some have"
    elif not ready.learnt:
        message = (
            f"0 of {known} trials of {names} lie in this space; make it anew with parameters of the same names and "
            "types, and ranges that have their values"
        )
    else:
        message = f"{ready.learnt} of {known} trials of {names} lie in this space"
    return EmitEvent(None, not ready.learnt, Reason.WARM_START, f"spec.warmStart: {message}", "first-trials")
