"""Renders rules in CEL as x-kubernetes-validations of a CRD."""

from dataclasses import dataclass
from typing import Literal

from pydantic.config import JsonDict

CelReason = Literal["FieldValueInvalid", "FieldValueForbidden", "FieldValueRequired", "FieldValueDuplicate"]


@dataclass(frozen=True, slots=True)
class CelRule:
    """One entry of x-kubernetes-validations.

    Attributes:
        rule: CEL over `self`; true if the rule holds. With `oldSelf` it is a transition rule.
        message: what is wrong, and how to fix it. A messageExpression could quote values, but the API server can't
            estimate the size of string(number), so it would exceed the cost budget.
        path: path of the field to blame, relative to `self`, such as `.min`.
        reason: machine-readable reason in the response of the API server.
    """

    rule: str
    message: str
    path: str = ""
    reason: CelReason = "FieldValueInvalid"

    def render(self) -> JsonDict:
        """Render the rule as an entry of the schema."""
        entry = {
            "rule": self.rule,
            "message": self.message,
            "fieldPath": self.path,
            "reason": self.reason,
        }
        return {key: text for key, text in entry.items() if text}


def validations(*rules: CelRule) -> JsonDict:
    """Return the schema extension of a model or field."""
    return {"x-kubernetes-validations": [rule.render() for rule in rules]}
