"""Messages between the operator and a search process: length-prefixed pickles over its stdin and stdout."""

import pickle
import struct
from dataclasses import dataclass
from typing import Any

from toprung.search.types import Evaluation, Problem, Suggestion, Suggestions

LENGTH = struct.Struct(">Q")
MAX_ANSWER_BYTES = 64 * 2**20
"""Maximum number of bytes of an answer. A longer one comes from a broken process."""
READY = "ready"
"""The first frame from a search process: the imports are done."""
ACKNOWLEDGED = "acknowledged"
"""The answer to a request without an index."""
MAX_MESSAGE = 2048
"""Maximum number of characters of a failure's message: an exception of a custom sampler may contain anything."""


@dataclass(frozen=True, slots=True)
class Request:
    """Evaluations that are new or have changed, and at most one trial that needs a configuration.

    Attributes:
        key: of the study.
        problem: creates or replaces the study; None uses the existing one.
        evaluations: those that are new or have changed; a long history takes several requests.
        index: the trial that needs a configuration; None only adds the evaluations.
        pending: suggestions of the same batch, which are about to run.
        forget: keys of studies that are no longer needed.
        startup: the study of `problem` only draws startup trials, so it needs no model.
    """

    key: str
    problem: Problem | None
    evaluations: tuple[Evaluation, ...] = ()
    index: int | None = None
    pending: tuple[Suggestion, ...] = ()
    forget: tuple[str, ...] = ()
    startup: bool = False


@dataclass(frozen=True, slots=True)
class SamplerFailure:
    """The sampler raised, and its study is gone.

    Attributes:
        memory: whether it reached the memory limit of the process.
    """

    message: str
    memory: bool = False


Reply = Suggestions | SamplerFailure | str


def pack(message: Any) -> bytes:
    """Build a frame."""
    body = pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
    return LENGTH.pack(len(body)) + body


def unpack(body: bytes) -> Any:
    """Parse the body of a frame. It comes from a process that the operator started."""
    return pickle.loads(body)  # noqa: S301 - both ends are ours, and no other program holds the pipe
