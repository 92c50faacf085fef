"""Application of a PATCH by its content type."""

from __future__ import annotations

from typing import Any

import jsonpatch
import jsonpointer

from localkube import json_utils
from localkube.apiserver import strategic_merge
from localkube.apiserver.errors import BadRequest, Cause, Invalid, UnsupportedMediaType
from localkube.apiserver.registry import Kind

Object = dict[str, Any]

JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
STRATEGIC_PATCH = "application/strategic-merge-patch+json"
APPLY_PATCHES = frozenset({"application/apply-patch+yaml", "application/apply-patch+json"})


def patched(kind: Kind, old: Object, patch: Any, media: str) -> Object:
    """Return the object that a patch makes of `old`. Raises BadRequest, Invalid or UnsupportedMediaType."""
    if media == JSON_PATCH:
        return _json_patch(kind, old, patch)
    if media not in (MERGE_PATCH, STRATEGIC_PATCH):
        known = ", ".join([JSON_PATCH, MERGE_PATCH, STRATEGIC_PATCH, *sorted(APPLY_PATCHES)])
        raise UnsupportedMediaType(
            f"the body of the request was in an unknown format - accepted media types include: {known}"
        )
    if not isinstance(patch, dict):
        raise BadRequest(f"a JSON object is expected as the patch, got {json_utils.shown(patch)}")
    if media == MERGE_PATCH:
        merged: Object = json_utils.merge(old, patch)
        return merged
    if kind.custom:
        raise UnsupportedMediaType(
            "the body of the request was in an unknown format - accepted media types include: "
            f"{JSON_PATCH}, {MERGE_PATCH}, application/apply-patch+yaml"
        )
    return strategic_merge.apply(old, patch)


def _json_patch(kind: Kind, old: Object, patch: Any) -> Object:
    if not isinstance(patch, list):
        raise BadRequest(f"error decoding patch: a list of operations is expected, got {json_utils.shown(patch)}")
    try:
        result: Object = jsonpatch.apply_patch(old, patch)
    except jsonpatch.JsonPatchTestFailed as error:
        fault = Cause("FieldValueInvalid", "", f"the patch's test failed: {error}")
        raise Invalid(kind.kind, kind.group, old["metadata"]["name"], [fault]) from error
    except (jsonpatch.JsonPatchException, jsonpointer.JsonPointerException) as error:
        fault = Cause(
            "FieldValueInvalid", "", f"the server rejected our request due to an error in our request: {error}"
        )
        raise Invalid(kind.kind, kind.group, old["metadata"]["name"], [fault]) from error
    except (TypeError, KeyError, ValueError, AttributeError, IndexError) as error:
        raise BadRequest(f"error decoding patch: {error}") from error
    return result
