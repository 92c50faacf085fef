"""Bounds sizes in bytes: objects must fit into etcd, which rejects more than 1.5 MiB."""

import json
from collections.abc import Iterable, Mapping
from functools import lru_cache
from itertools import takewhile

from toprung.api.v1alpha1.base import ParameterValue

MAX_CONFIGURATION = 128 * 1024
"""Bytes of one configuration in a status."""
MAX_FRONT = 384 * 1024
"""Bytes of status.paretoFront."""
MAX_LINEAGE = 512 * 1024
"""Bytes of the configurations in Trial.status.lineage."""
MAX_LINEAGE_ENTRIES = 64
MAX_MESSAGE = 8 * 1024
"""Bytes of the message of a condition or a Trial."""

_ESCAPED = 6
"""Bytes that the API server uses for one of <, > and & in a string."""


@lru_cache(maxsize=16384, typed=True)
def size_of_value(value: ParameterValue) -> int:
    """Return an upper bound of the bytes of a value in the API server's JSON."""
    text = json.dumps(value)
    return len(text) + (_ESCAPED - 1) * sum(map(text.count, "<>&"))


def size_of_configuration(parameters: Mapping[str, ParameterValue]) -> int:
    """Return an upper bound of the bytes of a configuration in the API server's JSON."""
    return sum(_size_of_item(name, value) for name, value in parameters.items())


def bounded(parameters: Mapping[str, ParameterValue]) -> dict[str, ParameterValue]:
    """Return the first parameters that fit into MAX_CONFIGURATION, whole: a shortened value would be another value."""
    left = MAX_CONFIGURATION

    def fits(item: tuple[str, ParameterValue]) -> bool:
        nonlocal left
        left -= _size_of_item(*item)
        return left >= 0

    return dict(takewhile(fits, parameters.items()))


def lineage_is_full(configurations: Iterable[Mapping[str, ParameterValue]]) -> bool:
    """Return whether a Trial's lineage has no room for another configuration as large as the largest."""
    sizes = [size_of_configuration(each) for each in configurations]
    return len(sizes) >= MAX_LINEAGE_ENTRIES or sum(sizes) + max(sizes, default=0) > MAX_LINEAGE


def shortened(message: str) -> str:
    """Cut a message to MAX_MESSAGE bytes."""
    data = message.encode(errors="replace")
    return message if len(data) <= MAX_MESSAGE else data[: MAX_MESSAGE - 3].decode(errors="ignore") + "…"


def _size_of_item(name: str, value: ParameterValue) -> int:
    return size_of_value(name) + size_of_value(value) + 2
