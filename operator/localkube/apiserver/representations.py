"""The representation of objects that a client accepts: whole, metadata only, or a Table."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from localkube import json_utils
from localkube.apiserver import tables
from localkube.apiserver.calls import Answer, Call

Object = dict[str, Any]
Render = Callable[[Object, bytes], bytes]


class Renderer:
    """Writes objects in the representation that a call requests. Ages count from `now`."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now

    def one(self, call: Call, obj: Object, *, data: bytes | None = None, status: int = 200) -> Answer:
        """Return one object as an answer; `data` is its JSON where that exists already."""
        warnings = tuple(call.warnings)
        if call.wants.as_ == "Table":
            shown = self.table(call, [obj], obj["metadata"].get("resourceVersion", ""))
            return Answer(json_utils.dumps(shown), status=status, warnings=warnings)
        body = self.render(call)(obj, data if data is not None else json_utils.dumps(obj))
        return Answer(body, status=status, warnings=warnings)

    def table(self, call: Call, objects: list[Object], version: str, *, header: bool = True) -> Object:
        """Return objects as a Table."""
        include = call.query.get("includeObject") or "Metadata"
        return tables.table(call.kind, objects, now=self._now(), include=include, version=version, header=header)

    def render(self, call: Call) -> Render:
        """Return the function that writes one object of a list or a watch."""
        if call.wants.as_.startswith("PartialObjectMetadata"):
            return lambda obj, _data: json_utils.dumps(tables.partial(obj))
        if call.kind.to_view is not None:
            view = call.kind.to_view
            return lambda obj, _data: json_utils.dumps(view(obj))
        return lambda _obj, data: data

    def watch_render(self, call: Call) -> Render:
        """Return the function that writes one object of a watch; only the first Table has column definitions."""
        if call.wants.as_ != "Table":
            return self.render(call)
        first = True

        def render(obj: Object, _data: bytes) -> bytes:
            nonlocal first
            header, first = first, False
            return json_utils.dumps(self.table(call, [obj], obj["metadata"]["resourceVersion"], header=header))

        return render
