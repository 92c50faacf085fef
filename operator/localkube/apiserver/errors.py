"""Errors of the API: one class per reason, each with its HTTP code and Status body."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from localkube import json_utils
from podspec.findings import Finding


@dataclass(frozen=True, slots=True)
class Cause:
    """One invalid field, with the message of a real API server.

    `reason` is a metav1.CauseType such as `FieldValueInvalid`; `field` is a path such as `spec.parameters[0].min`.
    """

    reason: str
    field: str
    message: str

    @classmethod
    def of(cls, finding: Finding) -> Cause:
        """Return the cause for a finding of the Pod rules."""
        return cls(str(finding.reason), finding.path, finding.message(json_utils.shown))

    def line(self) -> str:
        """Return the cause as kubectl prints it: `spec.x: Invalid value: ...`."""
        return f"{self.field}: {self.message}" if self.field else self.message

    def json(self) -> dict[str, str]:
        """Return the cause as an entry of `Status.details.causes`."""
        return {"reason": self.reason, "message": self.message, "field": self.field or "<nil>"}


def required(path: str, detail: str = "") -> Cause:
    """Return the cause for a field that is missing or empty."""
    return Cause("FieldValueRequired", path, f"Required value: {detail}" if detail else "Required value")


def invalid(path: str, value: Any, detail: str) -> Cause:
    """Return the cause for an invalid value."""
    return Cause("FieldValueInvalid", path, f"Invalid value: {json_utils.shown(value)}: {detail}")


def duplicate(path: str, value: Any) -> Cause:
    """Return the cause for a value that another item of the list already has."""
    return Cause("FieldValueDuplicate", path, f"Duplicate value: {json_utils.shown(value)}")


def unsupported(path: str, value: Any, allowed: Iterable[str]) -> Cause:
    """Return the cause for a value outside an enumeration."""
    values = ", ".join(f'"{one}"' for one in allowed)
    return Cause(
        "FieldValueNotSupported", path, f"Unsupported value: {json_utils.shown(value)}: supported values: {values}"
    )


def forbidden(path: str, detail: str) -> Cause:
    """Return the cause for a field that must not be set or changed."""
    return Cause("FieldValueForbidden", path, f"Forbidden: {detail}")


class ApiError(Exception):
    """A request that the server rejects.

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
        """Return the `Status` object of the response."""
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
    """An internal error of the server."""


class BadRequest(ApiError):
    """The request is malformed."""

    code = 400
    reason = "BadRequest"


class Unauthorized(ApiError):
    """The token is missing or wrong."""

    code = 401
    reason = "Unauthorized"


class Forbidden(ApiError):
    """The request is valid and not allowed: a quota is exceeded, or the namespace is terminating."""

    code = 403
    reason = "Forbidden"


class NotFound(ApiError):
    """The object or the resource does not exist."""

    code = 404
    reason = "NotFound"


class MethodNotAllowed(ApiError):
    """The resource does not support the verb."""

    code = 405
    reason = "MethodNotAllowed"


class AlreadyExists(ApiError):
    """An object with the same name exists."""

    code = 409
    reason = "AlreadyExists"


class Conflict(ApiError):
    """The object has changed since it was read, or a precondition fails. Read it again and retry."""

    code = 409
    reason = "Conflict"


class Gone(ApiError):
    """The resourceVersion is older than the watch history. List again."""

    code = 410
    reason = "Expired"


class TooLarge(ApiError):
    """The body exceeds the size limit."""

    code = 413
    reason = "RequestEntityTooLarge"


class UnsupportedMediaType(ApiError):
    """The body has an unsupported encoding."""

    code = 415
    reason = "UnsupportedMediaType"


class Invalid(ApiError):
    """The object violates its schema or its rules; `causes` lists every invalid field."""

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
    """Return the `details` of an error that concerns one object; `resource` is `plural[.group]`."""
    plural, _, group = resource.partition(".")
    return {"name": name, "group": group, "kind": plural}
