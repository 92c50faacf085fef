"""Counts the accelerators that a Pod holds. Helper resources (GPU memory, network adapters) are no accelerators."""

import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from math import ceil
from typing import Any

from podspec import quantities
from toprung.api.v1alpha1.trial import MAX_MODEL

ACCELERATORS = (
    "nvidia.com/gpu",
    "nvidia.com/mig-*",
    "amd.com/gpu",
    "gpu.intel.com/*",
    "google.com/tpu",
    "aws.amazon.com/neuron*",
    "habana.ai/gaudi",
    "huawei.com/Ascend*",
)
"""Names of extended resources that count as accelerators; the default of the operator's setting."""

MODEL_LABELS = (
    "nvidia.com/gpu.product",
    "amd.com/gpu.product-name",
    "gpu.intel.com/product",
    "cloud.google.com/gke-accelerator",
    "cloud.google.com/gke-tpu-accelerator",
)
"""Labels of nodes in which device plugins and clouds write the model of the accelerators."""

_PATTERN = re.compile(r"[a-z0-9.-]{1,253}/[A-Za-z0-9._-]{0,63}\*?")
_MAX_COUNT = 10**9
"""Largest number of devices that is counted; the API server accepts larger quantities, no Pod has as many."""


def parse_accelerators(text: str) -> tuple[str, ...]:
    """Parse the operator's setting: names of resources, separated by commas; each may end in *.

    Raises:
        ValueError: a name is invalid; the message has it.
    """
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    for name in names:
        if not _PATTERN.fullmatch(name):
            raise ValueError(f"Invalid value: {name!r} is no resource name. Write a name such as nvidia.com/gpu.")
    return names


def parse_count(quantity: object) -> int:
    """Parse a Kubernetes quantity of devices, such as 4, "2k" or "1e1"; fractions are rounded up.

    Raises:
        ValueError: it is not a quantity, or it is negative.
    """
    try:
        amount = quantities.parse(str(quantity))
    except ValueError as error:
        raise ValueError(f"{str(quantity)[:60]!r} is not a quantity of devices") from error
    if amount < 0:
        raise ValueError(f"{str(quantity)[:60]!r} is not a quantity of devices: it is negative")
    return min(ceil(amount), _MAX_COUNT)


def count_devices(spec: Mapping[str, Any], accelerators: Sequence[str] = ACCELERATORS) -> dict[str, int]:
    """Count the devices that a Pod of this spec holds at most at one time.

    A claim of Dynamic Resource Allocation counts as one device, under the name of its template: how many devices it
    allocates is not stated in the Pod.

    Args:
        spec: of the Pod.
        accelerators: names of extended resources that count; each may end in *.

    Returns:
        Name of the resource or of the claim's template -> count; without those that the Pod has none of.

    Raises:
        ValueError: a quantity of an accelerator cannot be read.
    """
    containers, init = spec.get("containers") or (), spec.get("initContainers") or ()
    names = {name for each in (*containers, *init) for name in _limits(each) if _matches(name, accelerators)}
    counts = {name: _peak(name, containers, init) for name in sorted(names)}
    for claim in _claims(spec):
        counts[claim] = counts.get(claim, 0) + 1
    return {name: count for name, count in counts.items() if count}


def model_of(labels: Mapping[str, str]) -> str:
    """Return the model of accelerators that labels of a node, or a nodeSelector, name; "" for none."""
    found = next((labels[name] for name in MODEL_LABELS if labels.get(name)), "")
    return sys.intern(found[:MAX_MODEL])


def _matches(name: str, accelerators: Sequence[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in accelerators)


def _limits(container: Mapping[str, Any]) -> Mapping[str, object]:
    """Return the limits: for extended resources, requests equal them."""
    resources = container.get("resources") or {}
    return {**(resources.get("requests") or {}), **(resources.get("limits") or {})}


def _peak(name: str, containers: Sequence[Mapping[str, Any]], init: Sequence[Mapping[str, Any]]) -> int:
    """Return the most that the Pod holds: init containers run one by one, before the others; native sidecars stay."""
    sidecars = peak = 0
    for each in init:
        count = parse_count(_limits(each).get(name, 0))
        peak = max(peak, sidecars + count)
        sidecars += count if each.get("restartPolicy") == "Always" else 0
    return max(peak, sidecars + sum(parse_count(_limits(each).get(name, 0)) for each in containers))


def _claims(spec: Mapping[str, Any]) -> Iterator[str]:
    for each in spec.get("resourceClaims") or ():
        yield str(each.get("resourceClaimTemplateName") or each.get("resourceClaimName") or each["name"])
