"""Builds the init container that copies the checkpoint of another trial, for population based training."""

from collections.abc import Mapping
from typing import Any

from toprung.objects.trial import Lineage

CONTAINER = "toprung-checkpoint-copy"
COPY = """\
marker="$TOPRUNG_CHECKPOINT_DIR.copied-$TOPRUNG_EXPLOIT_ATTEMPT"
[ -e "$marker" ] && exit 0
new="$TOPRUNG_CHECKPOINT_DIR.new"
try=0
while [ "$((try += 1))" -le 60 ]; do
  rm -rf "$new"
  if cp -a "$TOPRUNG_CHECKPOINT_FROM" "$new"; then
    rm -rf "$new"/.partial-*
    for part in "$new"/*; do [ -e "$TOPRUNG_CHECKPOINT_FROM/${part##*/}" ] || rm -rf "$part"; done
    if [ -n "$(ls "$new")" ]; then
      rm -rf "$TOPRUNG_CHECKPOINT_DIR" && mv "$new" "$TOPRUNG_CHECKPOINT_DIR" && : > "$marker" && exit 0
    fi
  fi
  sleep 1
done
echo "no checkpoint could be copied from $TOPRUNG_CHECKPOINT_FROM: the program must write one before it reports" >&2
exit 1
"""
"""Copies the folder once for each exploit, regardless of the number of attempts.

The other trial may be writing to it: what is no longer there after the copy was perhaps half removed when it was
copied, what the SDK is writing is left out, and hidden files alone are no checkpoint. A first checkpoint may be written
well after the first report, so there is a minute for it.
"""


def copying_container(first: Mapping[str, Any], folder: str, lineage: Lineage) -> dict[str, Any]:
    """Build the init container that replaces a trial's checkpoint by that of another trial.

    Args:
        first: the trial's own first container, whose image has a shell.
        folder: the trial's TOPRUNG_CHECKPOINT_DIR; that of the other trial is beside it.
        lineage: the trial's last entry.
    """
    inherited = ("image", "imagePullPolicy", "resources", "securityContext")
    environment = {
        "TOPRUNG_CHECKPOINT_DIR": folder,
        "TOPRUNG_CHECKPOINT_FROM": f"{folder.rpartition('/')[0]}/{lineage.source}",
        "TOPRUNG_EXPLOIT_ATTEMPT": str(lineage.attempt),
    }
    return {
        "name": CONTAINER,
        **{name: first[name] for name in inherited if name in first},
        "command": ["sh", "-c", COPY],
        "env": [{"name": name, "value": value} for name, value in environment.items()],
    }
