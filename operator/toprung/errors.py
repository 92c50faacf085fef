"""Defines every error that TopRung raises on purpose, as one tree.

TopRungError
├── InvalidExperiment      the manifest is invalid; its author corrects it; never retried
├── ClusterError           the Kubernetes API did not carry out a request
│   ├── NotFound           the object does not exist; the next reconciliation reads the current state
│   ├── AlreadyExists      the object exists, perhaps from before a crash; success for a deterministic name
│   ├── Conflict           the cached object is outdated; retried when the cache has caught up
│   ├── Forbidden          a quota or RBAC refuses the request; shown as the condition Blocked; retried slowly
│   ├── Rejected           the API server refuses the object (400, 422); shown as Blocked; retried slowly
│   ├── NameTaken          another object has the name; shown as Blocked; retried slowly
│   └── ClusterUnavailable timeout, 429, 5xx or a broken connection; retried with back-off
├── SearchFailed           a sampler failed; shown in the conditions; retried with back-off
└── InternalError          a bug in TopRung; logged with its traceback; shown as Blocked; retried with back-off
"""

from dataclasses import dataclass

MAX_FIELD_ERRORS = 20
"""Field errors in one message. With MAX_PATH and MAX_TEXT, a message fits in the 32,768 characters of a condition."""
MAX_PATH = 400
"""Characters of the path of a field error."""
MAX_TEXT = 1200
"""Characters of the text of a field error."""


class TopRungError(Exception):
    """The root of every error that TopRung raises on purpose."""


@dataclass(frozen=True, slots=True)
class FieldError:
    """An error in one field of a manifest, like field.Error of Kubernetes.

    Attributes:
        path: path of the field, such as ``spec.parameters[2].min``.
        message: what is wrong, with the value, and how to fix it.
        unknown_name: a misspelled name; "" for any other error. `messages.with_suggestions` looks up the nearest known
            name only for the errors that are shown, because a lookup is slow.
        known_names: names that are valid in its place.
    """

    path: str
    message: str
    unknown_name: str = ""
    known_names: tuple[str, ...] = ()

    def prefixed(self, prefix: str) -> "FieldError":
        """Return the error with `prefix` before its path; the prefix ends in a dot."""
        return FieldError(prefix + self.path, self.message, self.unknown_name, self.known_names)

    def __str__(self) -> str:
        return f"{_cut(self.path, MAX_PATH)}: {_cut(self.message, MAX_TEXT)}"


class InvalidExperiment(TopRungError):
    """A manifest is invalid.

    Attributes:
        errors: the errors to show, at most MAX_FIELD_ERRORS.
        omitted: number of further errors.
    """

    def __init__(self, errors: tuple[FieldError, ...], omitted: int = 0) -> None:
        more = [f"... and {omitted:,} more"] * bool(omitted)
        super().__init__("\n".join([*map(str, errors), *more]))
        self.errors = errors
        self.omitted = omitted


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 3]}..."


class ClusterError(TopRungError):
    """The Kubernetes API did not carry out a request.

    Attributes:
        status: HTTP status code; 0 without a response.
        reason: machine-readable reason of the API's Status object; "" if it is missing.
        retry_after: seconds after which the server accepts another request; 0 if it does not say.
    """

    def __init__(self, message: str, *, status: int = 0, reason: str = "", retry_after: float = 0.0) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason
        self.retry_after = retry_after


class NotFound(ClusterError):
    """404: the object does not exist."""


class AlreadyExists(ClusterError):
    """409 AlreadyExists: an object with this name exists."""


class Conflict(ClusterError):
    """409 Conflict: the resourceVersion of the request is not the newest."""


class Forbidden(ClusterError):
    """403: a quota or RBAC refuses the request."""


class Rejected(ClusterError):
    """400 or 422: the object is invalid; the API server refuses it however often it is sent."""


class NameTaken(ClusterError):
    """An object that TopRung does not own has a name that TopRung needs."""


class ClusterUnavailable(ClusterError):
    """The API server sent no usable response (timeout, 429, 5xx, broken connection); the request is retried."""


class SearchFailed(TopRungError):
    """A sampler returned no configuration."""


class InternalError(TopRungError):
    """A bug in TopRung: an unexpected exception or a violated invariant."""
