"""The one tree of errors.

TopRungError
├── InvalidExperiment      the manifest's author mends it; never retried
├── ClusterError           what the Kubernetes API answered
│   ├── NotFound           the object is gone; look again
│   ├── AlreadyExists      somebody (perhaps we, before a crash) made it; that is success for deterministic names
│   ├── Conflict           our copy is old; retried after the cache has caught up
│   ├── Forbidden          quota or RBAC; retried slowly, and shown as the condition Blocked
│   ├── Rejected           the API server refuses the object (422, 400); likewise
│   ├── NameTaken          another object has the name; shown as Blocked, retried slowly
│   └── ClusterUnavailable timeouts, 429, 5xx, broken connections; retried with back-off
├── SearchFailed           a sampler raised; retried with back-off, and shown in the Experiment's conditions
└── InternalError          a bug of TopRung; logged with its traceback, shown as Blocked, retried with back-off
"""

from dataclasses import dataclass

MAX_FAULTS = 20
"""Faults in one message; with MAX_PATH and MAX_TEXT, in characters, this keeps it below the 32,768 of a condition."""
MAX_PATH = 400
MAX_TEXT = 1200


class TopRungError(Exception):
    """The root of every error that TopRung raises on purpose."""


@dataclass(frozen=True, slots=True)
class FieldError:
    """One thing that is wrong with a manifest.

    Attributes:
        path: where, as Kubernetes writes it: ``spec.parameters[2].min``.
        message: what is wrong, with the value, and what to write instead.
        word: a name that is unknown, "" where the fault is another. `wording.suggested` looks for the one that was
            meant, which takes long, only for the faults that are shown.
        known: the names that are known there.
    """

    path: str
    message: str
    word: str = ""
    known: tuple[str, ...] = ()

    def below(self, path: str) -> "FieldError":
        """Return the fault with its path seen from further out: `path`, with its dot, stands before it."""
        return FieldError(path + self.path, self.message, self.word, self.known)

    def __str__(self) -> str:
        return f"{_cut(self.path, MAX_PATH)}: {_cut(self.message, MAX_TEXT)}"


class InvalidExperiment(TopRungError):
    """A manifest breaks the rules.

    Attributes:
        faults: the faults to show, all at once; at most MAX_FAULTS.
        omitted: number of further faults.
    """

    def __init__(self, faults: tuple[FieldError, ...], omitted: int = 0) -> None:
        more = [f"... and {omitted:,} more"] * bool(omitted)
        super().__init__("\n".join([*map(str, faults), *more]))
        self.faults = faults
        self.omitted = omitted


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 3]}..."


class ClusterError(TopRungError):
    """The Kubernetes API did not do what it was asked.

    Attributes:
        status: HTTP status code, 0 where no answer came.
        reason: machine-readable reason of the API's Status object, "" where there is none.
        retry_after: seconds the server asked us to wait, 0 where it did not say.
    """

    def __init__(self, message: str, *, status: int = 0, reason: str = "", retry_after: float = 0.0) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason
        self.retry_after = retry_after


class NotFound(ClusterError):
    """404: the object is gone."""


class AlreadyExists(ClusterError):
    """409 AlreadyExists: an object of that name is there."""


class Conflict(ClusterError):
    """409 Conflict: the resourceVersion given is not the newest."""


class Forbidden(ClusterError):
    """403: a quota or the operator's rights do not allow it."""


class Rejected(ClusterError):
    """400 or 422: the API server will never take this object as it is."""


class NameTaken(ClusterError):
    """An object that is not ours has the name that one of ours must have."""


class ClusterUnavailable(ClusterError):
    """No usable answer (timeout, 429, 5xx, connection broken); try again later."""


class SearchFailed(TopRungError):
    """A sampler could not propose a configuration."""


class InternalError(TopRungError):
    """A bug of TopRung: an unexpected exception, or a violated invariant; the log has its traceback."""
