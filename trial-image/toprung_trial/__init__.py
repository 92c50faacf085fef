"""The trial's side of TopRung: what a training program needs to be tuned, in the standard library alone.

    import toprung_trial as tr

    config = tr.parameters()
    for epoch in tr.epochs(load=load_checkpoint, save=save_checkpoint):
        tr.report(epoch=epoch, val_accuracy=train_one_epoch(config))

Importing it is a comfort, not a duty: any program that prints metric lines can be a trial.
"""

from toprung_trial.environment import TrialError, checkpoint_dir, parameters, resource, trial
from toprung_trial.loop import epochs
from toprung_trial.reporting import report

__all__ = ["TrialError", "checkpoint_dir", "epochs", "parameters", "report", "resource", "trial"]
