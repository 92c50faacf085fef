"""Population based training: what a trial that takes over from another runs with, and how it gets the checkpoint."""

from collections.abc import Mapping
from dataclasses import replace
from math import ceil
from typing import Any

from toprung.early_stopping.plugins import invalid
from toprung.early_stopping.types import Exploit
from toprung.metrics.types import Progress
from toprung.objects.records import Lineage, Snapshot, TrialRecord
from toprung.search.perturbation import explore
from toprung.search.space import Space

CONTAINER = "toprung-takeover"
COPY = """\
taken="$TOPRUNG_CHECKPOINT_DIR.taken-$TOPRUNG_TAKEOVER"
[ -e "$taken" ] && exit 0
new="$TOPRUNG_CHECKPOINT_DIR.new"
try=0
while [ "$((try += 1))" -le 60 ]; do
  rm -rf "$new"
  if cp -a "$TOPRUNG_CHECKPOINT_FROM" "$new"; then
    rm -rf "$new"/.partial-*
    for part in "$new"/*; do [ -e "$TOPRUNG_CHECKPOINT_FROM/${part##*/}" ] || rm -rf "$part"; done
    if [ -n "$(ls "$new")" ]; then
      rm -rf "$TOPRUNG_CHECKPOINT_DIR" && mv "$new" "$TOPRUNG_CHECKPOINT_DIR" && : > "$taken" && exit 0
    fi
  fi
  sleep 1
done
echo "no checkpoint could be copied from $TOPRUNG_CHECKPOINT_FROM: the program must write one before it reports" >&2
exit 1
"""
"""Copies the folder once for each takeover, whatever attempts there are.

The other trial may be writing to it: what is no longer there after the copy was perhaps half removed when it was
copied, what the SDK is writing is left out, and hidden files alone are no checkpoint. A first checkpoint may be written
well after the first report, so there is a minute for it.
"""


def taken_over(snapshot: Snapshot, trial: TrialRecord, exploit: Exploit | None) -> TrialRecord:
    """Record from which trial a trial takes its checkpoint, and with which parameters its next attempt runs.

    Its reports so far are dropped: they describe what it gives up.

    Raises:
        InvalidExperiment: a rule of the author's own asks for what can't be: without checkpoints, or from nobody.
    """
    if snapshot.experiment.spec.checkpoint is None:
        message = "copies checkpoints between trials, and they have none. Recreate the Experiment with spec.checkpoint"
        raise invalid("name", f"the rule {message}")
    donor = next((each for each in snapshot.trials if exploit and each.index == exploit.donor), None)
    if exploit is None or donor is None or donor.index == trial.index:
        named = "no donor" if exploit is None else f"the donor {exploit.donor}"
        message = f"gave the verdict Exploit with {named}; name the index of another trial in Verdict.exploit"
        raise invalid("name", f"the rule {message}")
    parameters = explore(
        Space.of(snapshot.experiment.spec.parameters),
        donor.current_parameters,
        exploit.seed,
        resample_probability=exploit.resample_probability,
        factors=exploit.factors,
    )
    latest = trial.progress.latest
    reached = latest.step if latest is not None else 0
    entry = Lineage(reached, donor.name, trial.attempt + 1, parameters, offset=donor.step_offset)
    return replace(trial, lineage=(*trial.lineage, entry), progress=Progress(ignored=trial.progress.ignored))


def took_complete_checkpoint(trial: TrialRecord) -> bool:
    """Return whether an attempt that ended well without a report may have found nothing left to train.

    The other trial trains on while the Pod of this one starts, so its checkpoint may be complete when it is copied.
    """
    return bool(trial.lineage) and trial.progress.latest is None and not trial.lineage[-1].extended


def extended(trial: TrialRecord, max_resource: int) -> TrialRecord:
    """Let the trial train on from a complete checkpoint for as long as it had left when it took it over."""
    *earlier, last = trial.lineage
    return replace(trial, lineage=(*earlier, replace(last, extended=max(1, ceil(max_resource - last.resource)))))


def copying_container(first: Mapping[str, Any], folder: str, lineage: Lineage) -> dict[str, Any]:
    """Give the init container that puts another trial's checkpoint in the place of a trial's own.

    Args:
        first: the trial's own first container, whose image has a shell.
        folder: the trial's TOPRUNG_CHECKPOINT_DIR; that of the other trial is beside it.
        lineage: the trial's last entry.
    """
    as_it = ("image", "imagePullPolicy", "resources", "securityContext")
    environment = {
        "TOPRUNG_CHECKPOINT_DIR": folder,
        "TOPRUNG_CHECKPOINT_FROM": f"{folder.rpartition('/')[0]}/{lineage.source}",
        "TOPRUNG_TAKEOVER": str(lineage.attempt),
    }
    return {
        "name": CONTAINER,
        **{name: first[name] for name in as_it if name in first},
        "command": ["sh", "-c", COPY],
        "env": [{"name": name, "value": value} for name, value in environment.items()],
    }
