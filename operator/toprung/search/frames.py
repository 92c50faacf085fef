"""How the operator and its search process talk: length-prefixed pickles over the process's own stdin and stdout."""

import pickle
import struct
from dataclasses import dataclass
from typing import Any

from toprung.search.types import Evaluation, Problem, Suggestions

LENGTH = struct.Struct(">Q")
READY = "ready"
"""The first frame from the search process: the imports are done."""
WORKING = "working"
"""A frame for each configuration that is found: the sampler does not hang, and the answer comes when there are all."""


@dataclass(frozen=True, slots=True)
class Request:
    """A question, with the news since the last one.

    Attributes:
        key: of the study.
        problem: makes the study anew; None goes on with the one that is there.
        news: evaluations that are new or have changed; all of them for a new study.
        indices: trials that want configurations.
        forget: keys of studies that are needed no more.
    """

    key: str
    problem: Problem | None
    news: tuple[Evaluation, ...]
    indices: tuple[int, ...]
    forget: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Failure:
    """The sampler raised; the study is gone."""

    message: str


Reply = Suggestions | Failure


def pack(message: Any) -> bytes:
    """Make a frame."""
    body = pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
    return LENGTH.pack(len(body)) + body


def unpack(body: bytes) -> Any:
    """Read a frame's body, from a process of our own."""
    return pickle.loads(body)  # noqa: S301 - both ends are ours, and nobody else holds the pipe
