"""Early-stopping rules: pure functions of the records in the Trials."""

from toprung.api.v1alpha1.early_stopping import (
    AshaSettings,
    EarlyStopping,
    HyperbandSettings,
    MedianSettings,
    PbtSettings,
    StopperPlugin,
    SuccessiveHalvingSettings,
)
from toprung.early_stopping.asha import asha, hyperband
from toprung.early_stopping.median import MedianStopping
from toprung.early_stopping.pbt import PopulationBasedTraining
from toprung.early_stopping.per_trial import individual_stop
from toprung.early_stopping.plugins import plugin
from toprung.early_stopping.successive_halving import SuccessiveHalving, missing_batch_indices
from toprung.early_stopping.types import Decision, Exploit, RungResult, Stopper, Verdict

__all__ = [
    "Decision",
    "Exploit",
    "RungResult",
    "Stopper",
    "Verdict",
    "individual_stop",
    "missing_batch_indices",
    "stopper_for",
]


def stopper_for(  # noqa: PLR0911 - one for each rule
    early_stopping: EarlyStopping | None, seed: int, *, checkpoint: bool = False
) -> Stopper | None:
    """Build the rule of an experiment, without records; None if trials are not compared.

    Args:
        early_stopping: of the experiment's spec.
        seed: of the experiment.
        checkpoint: whether trials can resume from a checkpoint, which makes promotion the default.

    Raises:
        InvalidExperiment: a plug-in is not installed, or rejects its settings.
    """
    match early_stopping.rule if early_stopping is not None else None:
        case AshaSettings() as settings:
            return asha(settings, seed, checkpoint=checkpoint)
        case HyperbandSettings() as settings:
            return hyperband(settings, seed, checkpoint=checkpoint)
        case SuccessiveHalvingSettings() as settings:
            return SuccessiveHalving(settings)
        case MedianSettings() as settings:
            return MedianStopping(settings)
        case PbtSettings() as settings:
            return PopulationBasedTraining(settings, seed)
        case StopperPlugin() as settings:
            return plugin(settings, seed, checkpoint=checkpoint)
        case None:
            return None
