"""The verbs on resources: from a request's parts to an answer, with no HTTP library in sight."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from localkube import json_utils
from localkube.apiserver import decoding, object_selectors, patching, scale, schema, server_side_apply, tables, watch
from localkube.apiserver.errors import BadRequest, Cause, Conflict, Invalid, MethodNotAllowed, NotFound
from localkube.apiserver.log_source import LogSource, parse_query
from localkube.apiserver.object_selectors import Predicate
from localkube.apiserver.pods import disrupted, terminal
from localkube.apiserver.registry import Kind
from localkube.apiserver.requests import Representation, RequestInfo
from localkube.apiserver.store import Store

Object = dict[str, Any]
_WATCH_SECONDS = 1800.0
_RETURNED_WHEN_GONE = frozenset({"persistentvolumeclaims", "pods", "resourcequotas", "serviceaccounts", "services"})
_COMMON_FIELDS = frozenset({"metadata.name", "metadata.namespace"})


@dataclass(frozen=True, slots=True)
class Answer:
    """A finished response; `warnings` go into Warning headers."""

    body: bytes
    status: int = 200
    content_type: str = "application/json"
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Stream:
    """A response that goes on; one that `may_refuse` can still raise an ApiError in place of its first chunk."""

    chunks: AsyncIterator[bytes]
    content_type: str = "application/json"
    may_refuse: bool = False


@dataclass(frozen=True, slots=True)
class Call:
    """One request on a resource, decoded."""

    info: RequestInfo
    kind: Kind
    wants: Representation
    content_type: str = ""
    body: Any = None
    warnings: list[str] = field(default_factory=list)

    @property
    def query(self) -> Mapping[str, str]:
        """The query's parameters."""
        return self.info.query

    @property
    def namespace(self) -> str | None:
        """The namespace in the URL, None for all or for what has none."""
        return self.info.namespace if self.kind.namespaced else None

    @property
    def dry_run(self) -> bool:
        """Whether nothing may be kept."""
        return self.query.get("dryRun", "") not in ("", "None")


class Rest:
    """The verbs, on a Store."""

    def __init__(self, store: Store, *, logs: LogSource | None, now: Callable[[], datetime]) -> None:
        self._store = store
        self._logs = logs
        self._now = now
        self._verbs: dict[str, Callable[[Call], Answer | Stream]] = {
            "get": self._get,
            "list": self._list,
            "watch": self._watch,
            "create": self._create,
            "update": self._update,
            "patch": self._patch,
            "delete": self._delete,
            "deletecollection": self._delete_collection,
        }
        self._parts: dict[str, Callable[[Call], Answer | Stream]] = {
            "log": self._log,
            "binding": self._binding,
            "eviction": self._eviction,
        }

    def handle(self, call: Call) -> Answer | Stream:
        """Do what is asked. Raises ApiError."""
        info = call.info
        if info.subresource and info.subresource not in call.kind.subresources:
            raise NotFound("the server could not find the requested resource")
        if info.verb not in self._verbs or (info.verb in ("update", "patch") and not info.name):
            raise MethodNotAllowed("the server does not allow this method on the requested resource")
        return self._parts.get(info.subresource, self._verbs[info.verb])(call)

    def _get(self, call: Call) -> Answer:
        stored = self._store.entry(call.kind.resource, call.namespace, call.info.name)
        if call.info.subresource == "scale":
            return Answer(json_utils.dumps(scale.read(call.kind, stored.object)))
        return self._one(call, stored.object, data=stored.data)

    def _list(self, call: Call) -> Answer:
        matches = self._predicate(call)
        entries = [e for e in self._store.entries(call.kind.resource, call.namespace) if matches(e.object)]
        version = str(self._store.version)
        if call.wants.as_ == "Table":
            return Answer(json_utils.dumps(self._table(call, [e.object for e in entries], version)))
        head = {"kind": f"{call.kind.kind}List", "apiVersion": call.kind.api_version}
        if call.wants.as_:
            head = {"kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1"}
        render = self._render(call)
        opening = json_utils.dumps({**head, "metadata": {"resourceVersion": version}, "items": []})
        return Answer(opening[:-2] + b",".join(render(e.object, e.data) for e in entries) + b"]}")

    def _watch(self, call: Call) -> Stream:
        query = call.query
        initial = {"true": True, "false": False}.get(query.get("sendInitialEvents", ""))
        since, present = watch.start_of(
            query.get("resourceVersion", ""), query.get("resourceVersionMatch", ""), initial=initial
        )
        request = watch.WatchRequest(
            kind=call.kind,
            namespace=call.namespace,
            matches=self._predicate(call),
            since=since,
            initial_events=present,
            bookmarks=call.info.flag("allowWatchBookmarks"),
            seconds=_number(call, "timeoutSeconds") or _WATCH_SECONDS,
            render=self._watch_render(call),
        )
        return Stream(watch.stream(self._store, request))

    def _create(self, call: Call) -> Answer:
        obj = self._decoded(call, call.body)
        created = self._store.create(call.kind.resource, obj, dry_run=call.dry_run)
        return self._one(call, created, status=201)

    def _update(self, call: Call) -> Answer:
        old = self._store.get(call.kind.resource, call.namespace, call.info.name)
        if call.info.subresource == "scale":
            return self._scaled(call, old, call.body)
        return self._one(call, self._replace(call, self._decoded(call, call.body), old))

    def _patch(self, call: Call) -> Answer:
        media = call.content_type.partition(";")[0].strip()
        if media in patching.APPLY_PATCHES:
            return self._apply(call)
        old = self._store.get(call.kind.resource, call.namespace, call.info.name)
        if call.info.subresource == "scale":
            shown = scale.read(call.kind, old)
            return self._scaled(call, old, patching.patched(call.kind, shown, call.body, media))
        seen = call.kind.to_view(old) if call.kind.to_view else old
        patched = patching.patched(call.kind, seen, call.body, media)
        return self._one(call, self._replace(call, self._decoded(call, patched), old))

    def _apply(self, call: Call) -> Answer:
        manager = call.query.get("fieldManager")
        if not manager:
            raise BadRequest("fieldManager: Required value: is required for apply patch")
        resource, name = call.kind.resource, call.info.name
        live = (
            self._store.get(resource, call.namespace, name)
            if self._store.exists(resource, call.namespace, name)
            else None
        )
        applied = self._decoded(call, call.body)
        merged = server_side_apply.server_side(
            self._store.registry.stored(resource),
            live,
            applied,
            manager=manager,
            force=call.info.flag("force"),
            now=self._now().strftime("%Y-%m-%dT%H:%M:%SZ"),
        )
        if live is not None:
            return self._one(call, self._replace(call, merged, live))
        if call.info.subresource:
            raise NotFound(f'{call.kind.qualified} "{name}" not found')
        return self._one(call, self._store.create(resource, merged, dry_run=call.dry_run), status=201)

    def _delete(self, call: Call) -> Answer:
        options = decoding.decode_as("DeleteOptions", call.body)
        resource, name = call.kind.resource, call.info.name
        old = self._store.get(resource, call.namespace, name)
        left = self._store.delete(resource, call.namespace, name, **self._deletion(call, options))
        if left is not None or resource in _RETURNED_WHEN_GONE:
            return self._one(call, left or old)
        uid = old["metadata"]["uid"]
        details = {"name": name, "group": call.kind.group, "kind": call.kind.plural, "uid": uid}
        status = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}
        return Answer(json_utils.dumps(status))

    def _delete_collection(self, call: Call) -> Answer:
        options = decoding.decode_as("DeleteOptions", call.body)
        matches = self._predicate(call)
        chosen = [e for e in self._store.entries(call.kind.resource, call.namespace) if matches(e.object)]
        for entry in chosen:
            metadata = entry.object["metadata"]
            if self._store.exists(call.kind.resource, metadata.get("namespace"), metadata["name"]):
                self._store.delete(
                    call.kind.resource, metadata.get("namespace"), metadata["name"], **self._deletion(call, options)
                )
        head = {"kind": f"{call.kind.kind}List", "apiVersion": call.kind.api_version}
        items = [entry.object for entry in chosen]
        return Answer(
            json_utils.dumps({**head, "metadata": {"resourceVersion": str(self._store.version)}, "items": items})
        )

    def _log(self, call: Call) -> Stream:
        if self._logs is None:
            raise NotFound("no node keeps logs in this cluster")
        pod = self._store.get("pods", call.namespace, call.info.name)
        return Stream(self._logs.read(pod, parse_query(call.query)), content_type="text/plain", may_refuse=True)

    def _binding(self, call: Call) -> Answer:
        pod = self._store.get("pods", call.namespace, call.info.name)
        node = json_utils.dig(decoding.decode_as("Binding", call.body), "target", "name")
        if not node:
            raise BadRequest("target.name: Required value: the node to bind the Pod to")
        if pod["spec"].get("nodeName"):
            raise Conflict(f'pod {call.info.name} is already assigned to node "{pod["spec"]["nodeName"]}"')
        self._store.update("pods", {**pod, "spec": {**pod["spec"], "nodeName": node}}, subresource="binding")
        return Answer(
            json_utils.dumps({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}), status=201
        )

    def _eviction(self, call: Call) -> Answer:
        options = decoding.decode_as("Eviction", call.body).get("deleteOptions") or {}
        pod = self._store.get("pods", call.namespace, call.info.name)
        deletion = self._deletion(call, options)
        if not deletion["dry_run"] and not terminal(pod):
            status = disrupted(pod.get("status") or {}, "EvictionByEvictionAPI", "Eviction API: evicting", self._now())
            self._store.update("pods", {**pod, "status": status}, subresource="status")
        self._store.delete("pods", call.namespace, call.info.name, **deletion)
        return Answer(
            json_utils.dumps({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}), status=201
        )

    def _scaled(self, call: Call, old: Object, wanted: Object) -> Answer:
        updated = self._store.update(call.kind.resource, scale.write(call.kind, old, wanted), dry_run=call.dry_run)
        return Answer(json_utils.dumps(scale.read(call.kind, updated)))

    def _replace(self, call: Call, obj: Object, old: Object) -> Object:
        if obj["metadata"].get("name", call.info.name) != call.info.name:
            raise BadRequest(
                f"the name of the object ({obj['metadata']['name']}) does not match the name on the URL ({call.info.name})"
            )
        obj["metadata"]["name"] = old["metadata"]["name"]
        subresource = call.info.subresource if call.info.subresource == "status" else ""
        return self._store.update(call.kind.resource, obj, subresource=subresource, dry_run=call.dry_run)

    def _decoded(self, call: Call, obj: Any) -> Object:
        """Return an object from outside in the stored version; `fieldValidation` decides about unknown fields."""
        kind = call.kind
        if not isinstance(obj, dict):
            raise BadRequest(f"a {kind.kind} object is expected as the body of the request")
        metadata = obj.get("metadata")
        decoded = decoding.decode(kind, {**obj, "metadata": {} if metadata is None else metadata})
        obj = decoded.object
        self._check_namespace(call, obj["metadata"])
        self._check_fields(call, obj, list(decoded.unknown))
        return kind.from_view(obj) if kind.from_view else obj

    def _check_namespace(self, call: Call, metadata: Object) -> None:
        if not call.kind.namespaced:
            return
        if metadata.setdefault("namespace", call.info.namespace) != call.info.namespace:
            raise BadRequest(
                f"the namespace of the provided object does not match the namespace sent on the request "
                f"({metadata['namespace']} != {call.info.namespace})"
            )

    def _check_fields(self, call: Call, obj: Object, paths: list[str]) -> None:
        mode = call.query.get("fieldValidation") or "Warn"
        if mode == "Ignore":
            return
        if call.kind.schema is not None:
            paths += schema.prune(call.kind.schema, json_utils.clone(obj), embedded=True)
        unknown = [f'unknown field "{path}"' for path in paths]
        if not unknown:
            return
        if mode == "Warn":
            call.warnings.extend(unknown)
            return
        text = f"strict decoding error: {', '.join(unknown)}"
        if call.info.verb == "patch":
            raise Invalid(
                "", "", "", [Cause("FieldValueInvalid", "patch", f"Invalid value: {json_utils.shown(obj)}: {text}")]
            )
        kind = call.kind.kind
        raise BadRequest(f'{kind} in version "{call.kind.version}" cannot be handled as a {kind}: {text}')

    def _deletion(self, call: Call, options: Object) -> dict[str, Any]:
        grace = options.get("gracePeriodSeconds", _number(call, "gracePeriodSeconds"))
        if grace is not None and grace < 0:
            grace = 1  # as a real server treats it
        preconditions = options.get("preconditions") or {}
        return {
            "grace": grace,
            "propagation": options.get("propagationPolicy") or call.query.get("propagationPolicy") or "Background",
            "uid": preconditions.get("uid"),
            "version": preconditions.get("resourceVersion"),
            "dry_run": call.dry_run or bool(options.get("dryRun")),
        }

    def _predicate(self, call: Call) -> Predicate:
        labels = object_selectors.labels(call.query.get("labelSelector", ""))
        text = call.query.get("fieldSelector", "")
        if call.info.name:
            text = ",".join(filter(None, (text, f"metadata.name={call.info.name}")))
        if not text:
            return labels
        fields = object_selectors.fields(text, supported=call.kind.fields | _COMMON_FIELDS, shown=call.kind.qualified)
        return lambda obj: labels(obj) and fields(obj)

    def _one(self, call: Call, obj: Object, *, data: bytes | None = None, status: int = 200) -> Answer:
        warnings = tuple(call.warnings)
        if call.wants.as_ == "Table":
            shown = self._table(call, [obj], obj["metadata"].get("resourceVersion", ""))
            return Answer(json_utils.dumps(shown), status=status, warnings=warnings)
        body = self._render(call)(obj, data if data is not None else json_utils.dumps(obj))
        return Answer(body, status=status, warnings=warnings)

    def _table(self, call: Call, objects: list[Object], version: str, *, header: bool = True) -> Object:
        include = call.query.get("includeObject") or "Metadata"
        return tables.table(call.kind, objects, now=self._now(), include=include, version=version, header=header)

    def _render(self, call: Call) -> watch.Render:
        if call.wants.as_.startswith("PartialObjectMetadata"):
            return lambda obj, _data: json_utils.dumps(tables.partial(obj))
        if call.kind.to_view is not None:
            view = call.kind.to_view
            return lambda obj, _data: json_utils.dumps(view(obj))
        return lambda _obj, data: data

    def _watch_render(self, call: Call) -> watch.Render:
        if call.wants.as_ != "Table":
            return self._render(call)
        first = True

        def render(obj: Object, _data: bytes) -> bytes:
            nonlocal first
            header, first = first, False
            return json_utils.dumps(self._table(call, [obj], obj["metadata"]["resourceVersion"], header=header))

        return render


def _number(call: Call, name: str) -> int | None:
    """An integer in the query, None where there is none. Raises BadRequest."""
    text = call.query.get(name)
    if not text:
        return None
    try:
        return int(text)
    except ValueError:
        raise BadRequest(f'{name}: Invalid value: "{text}": must be an integer') from None
