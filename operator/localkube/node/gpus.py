"""The GPUs of this machine and their assignment to Pods."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from typing import Any

GPU = "nvidia.com/gpu"
ANNOTATION = "localkube/gpus"


def count() -> int:
    """Return the number of GPUs: those that `nvidia-smi -L` lists, at most those in CUDA_VISIBLE_DEVICES; 0 without the
    driver.
    """
    program = shutil.which("nvidia-smi")
    if program is None:
        return 0
    listed = subprocess.run([program, "-L"], capture_output=True, check=False, timeout=30)  # noqa: S603
    here = sum(line.startswith(b"GPU ") for line in listed.stdout.splitlines())
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    return here if visible is None else min(here, len([device for device in visible.split(",") if device.strip()]))


def devices(total: int) -> tuple[str, ...]:
    """Return the CUDA name of each index: the machine's own numbers, or those visible to this process."""
    visible = [device.strip() for device in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if device.strip()]
    return tuple(visible) if len(visible) == total else tuple(map(str, range(total)))


def assigned(pod: Mapping[str, Any]) -> tuple[int, ...]:
    """Return the GPU indices in a Pod's annotation."""
    noted = (pod["metadata"].get("annotations") or {}).get(ANNOTATION, "")
    return tuple(int(index) for index in noted.split(",") if index.strip().isdecimal())


def annotation(indices: Sequence[int]) -> dict[str, str]:
    """Return the annotation that keeps the assignment across a restart."""
    return {ANNOTATION: ",".join(map(str, indices))} if indices else {}


def environment(indices: Sequence[int], names: Sequence[str]) -> dict[str, str]:
    """Return the variables that restrict CUDA to these devices; a Pod without a GPU sees none."""
    shown = ",".join(names[index] if index < len(names) else str(index) for index in indices)
    return {"CUDA_VISIBLE_DEVICES": shown, "NVIDIA_VISIBLE_DEVICES": shown or "none"}
