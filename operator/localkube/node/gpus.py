"""How many GPUs this machine has, and which of them a Pod was given."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from typing import Any

GPU = "nvidia.com/gpu"
ANNOTATION = "localkube/gpus"


def count() -> int:
    """The GPUs that `nvidia-smi -L` lists, or as many as CUDA_VISIBLE_DEVICES names; 0 without the driver."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return 0
    listed = subprocess.run([program, "-L"], capture_output=True, check=False, timeout=30)  # noqa: S603
    here = sum(line.startswith(b"GPU ") for line in listed.stdout.splitlines())
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    return here if visible is None else min(here, len([device for device in visible.split(",") if device.strip()]))


def devices(total: int) -> tuple[str, ...]:
    """What each index means to CUDA: the machine's own numbers, or those that this process may use."""
    visible = [device.strip() for device in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if device.strip()]
    return tuple(visible) if len(visible) == total else tuple(map(str, range(total)))


def assigned(pod: Mapping[str, Any]) -> tuple[int, ...]:
    """The indices that a Pod's annotation says it holds."""
    noted = (pod["metadata"].get("annotations") or {}).get(ANNOTATION, "")
    return tuple(int(index) for index in noted.split(",") if index.strip().isdecimal())


def annotation(indices: Sequence[int]) -> dict[str, str]:
    """The annotation that keeps the assignment over a restart."""
    return {ANNOTATION: ",".join(map(str, indices))} if indices else {}


def environment(indices: Sequence[int], names: Sequence[str]) -> dict[str, str]:
    """The variables by which CUDA sees these devices and no others; a Pod without a GPU sees none."""
    shown = ",".join(names[index] if index < len(names) else str(index) for index in indices)
    return {"CUDA_VISIBLE_DEVICES": shown, "NVIDIA_VISIBLE_DEVICES": shown or "none"}
