"""What an API server says when it refuses: one class per reason, each with its HTTP code and Status body."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from localkube import json_utils


@dataclass(frozen=True, slots=True)
class Cause:
    """One fault of one field, in Kubernetes' own words.

    `reason` is a metav1.CauseType such as `FieldValueInvalid`; `field` a path such as `spec.parameters[0].min`.
    """

    reason: str
    field: str
    message: str

    def line(self) -> str:
        """The fault as kubectl prints it: `spec.x: Invalid value: ...`."""
        return f"{self.field}: {self.message}" if self.field else self.message

    def json(self) -> dict[str, str]:
        """The fault as an entry of `Status.details.causes`."""
        return {"reason": self.reason, "message": self.message, "field": self.field or "<nil>"}


def required(path: str, detail: str = "") -> Cause:
    """A field that is missing or empty."""
    return Cause("FieldValueRequired", path, f"Required value: {detail}" if detail else "Required value")


def invalid(path: str, value: Any, detail: str) -> Cause:
    """A value that its field does not take."""
    return Cause("FieldValueInvalid", path, f"Invalid value: {json_utils.shown(value)}: {detail}")


def duplicate(path: str, value: Any) -> Cause:
    """A value that another item of the list has already."""
    return Cause("FieldValueDuplicate", path, f"Duplicate value: {json_utils.shown(value)}")


def unsupported(path: str, value: Any, allowed: Iterable[str]) -> Cause:
    """A value outside of an enumeration."""
    values = ", ".join(f'"{one}"' for one in allowed)
    return Cause(
        "FieldValueNotSupported", path, f"Unsupported value: {json_utils.shown(value)}: supported values: {values}"
    )


def forbidden(path: str, detail: str) -> Cause:
    """A field that may not be set, or not be changed."""
    return Cause("FieldValueForbidden", path, f"Forbidden: {detail}")


class ApiError(Exception):
    """A request that was refused.

    The tree: ApiError > BadRequest | Unauthorized | Forbidden | NotFound | AlreadyExists | Conflict | Invalid | Gone |
    MethodNotAllowed | TooLarge | UnsupportedMediaType | InternalError.
    """

    code: ClassVar[int] = 500
    reason: ClassVar[str] = "InternalError"

    def __init__(self, message: str, *, details: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.details = details or {}

    def status(self) -> dict[str, Any]:
        """The `Status` object that goes over the wire."""
        body: dict[str, Any] = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "reason": self.reason,
            "code": self.code,
        }
        if self.details:
            body["details"] = self.details
        return body


class InternalError(ApiError):
    """A fault of the server itself."""


class BadRequest(ApiError):
    """The request could not be understood."""

    code = 400
    reason = "BadRequest"


class Unauthorized(ApiError):
    """No token, or another one than the server's."""

    code = 401
    reason = "Unauthorized"


class Forbidden(ApiError):
    """Understood and refused: a quota, a namespace that is going away."""

    code = 403
    reason = "Forbidden"


class NotFound(ApiError):
    """No such object, or no such resource."""

    code = 404
    reason = "NotFound"


class MethodNotAllowed(ApiError):
    """The resource does not know this verb."""

    code = 405
    reason = "MethodNotAllowed"


class AlreadyExists(ApiError):
    """The name is taken."""

    code = 409
    reason = "AlreadyExists"


class Conflict(ApiError):
    """The object changed since it was read, or a precondition does not hold: read again, then retry."""

    code = 409
    reason = "Conflict"


class Gone(ApiError):
    """The resourceVersion is older than the watch history: list again."""

    code = 410
    reason = "Expired"


class TooLarge(ApiError):
    """The body is larger than what is read."""

    code = 413
    reason = "RequestEntityTooLarge"


class UnsupportedMediaType(ApiError):
    """The body is in an encoding that is not served."""

    code = 415
    reason = "UnsupportedMediaType"


class Invalid(ApiError):
    """The object breaks its schema or its rules; `causes` lists every fault."""

    code = 422
    reason = "Invalid"

    def __init__(self, kind: str, group: str, name: str, causes: Sequence[Cause]) -> None:
        shown = f"{kind}.{group}" if group else kind
        lines = [cause.line() for cause in causes]
        text = lines[0] if len(lines) == 1 else f"[{', '.join(lines)}]"
        details = {"name": name, "group": group, "kind": kind, "causes": [cause.json() for cause in causes]}
        super().__init__(f'{shown} "{name}" is invalid: {text}', details=details)
        self.causes = tuple(causes)


def about(resource: str, name: str) -> dict[str, Any]:
    """The `details` of a refusal that concerns one object; `resource` is `plural[.group]`."""
    plural, _, group = resource.partition(".")
    return {"name": name, "group": group, "kind": plural}
