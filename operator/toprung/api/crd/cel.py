"""Rules between fields, in CEL: what the API server itself refuses, with what to write instead.

Each stands next to the Python rule of the same meaning; tests/support/manifests.py holds both to one table.
"""

from dataclasses import dataclass
from typing import Literal

from pydantic.config import JsonDict

CelReason = Literal["FieldValueInvalid", "FieldValueForbidden", "FieldValueRequired", "FieldValueDuplicate"]


@dataclass(frozen=True, slots=True)
class CelRule:
    """One entry of x-kubernetes-validations.

    Attributes:
        rule: CEL over `self` (and `oldSelf`, which makes it a transition rule); true where the rule is kept.
        message: what to write instead. A messageExpression could quote the values, but string(number) has no size that
            the API server can estimate, and so breaks its cost budget.
        path: field that is blamed, relative to `self`, such as `.min`.
        reason: machine-readable reason in the API server's answer.
    """

    rule: str
    message: str
    path: str = ""
    reason: CelReason = "FieldValueInvalid"

    def render(self) -> JsonDict:
        """Write it as the schema has it."""
        entry = {
            "rule": self.rule,
            "message": self.message,
            "fieldPath": self.path,
            "reason": self.reason,
        }
        return {key: text for key, text in entry.items() if text}


def validations(*rules: CelRule) -> JsonDict:
    """Make the schema extension of a model or field."""
    return {"x-kubernetes-validations": [rule.render() for rule in rules]}
