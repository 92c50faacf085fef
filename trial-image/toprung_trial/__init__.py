"""The SDK for training programs: parameters, metrics and checkpoints of a trial. It uses only the standard library.

    import toprung_trial as tr

    config = tr.parameters()
    for epoch in tr.epochs(load=load_checkpoint, save=save_checkpoint):
        tr.report(epoch=epoch, val_accuracy=train_one_epoch(config))

It is optional: any program that prints metric lines can be a trial.
"""

from toprung_trial.environment import TrialError, checkpoint_dir, parameters, resource, trial
from toprung_trial.loop import epochs
from toprung_trial.reporting import report

__all__ = ["TrialError", "checkpoint_dir", "epochs", "parameters", "report", "resource", "trial"]
