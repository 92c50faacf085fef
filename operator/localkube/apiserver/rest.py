"""Executes the verbs of decoded requests on the Store, independent of the HTTP library."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from localkube import json_utils
from localkube.apiserver import decoding, object_selectors, patching, schema, server_side_apply, watch
from localkube.apiserver.calls import Answer, Call, Stream, deletion_options, number
from localkube.apiserver.errors import BadRequest, Cause, Invalid, MethodNotAllowed, NotFound
from localkube.apiserver.formats import stamp
from localkube.apiserver.log_source import LogSource
from localkube.apiserver.object_selectors import Predicate
from localkube.apiserver.representations import Renderer
from localkube.apiserver.store import Store
from localkube.apiserver.subresources import PodSubresources, read_scale, write_scale

Object = dict[str, Any]
_WATCH_SECONDS = 1800.0
_RETURNED_WHEN_GONE = frozenset({"persistentvolumeclaims", "pods", "resourcequotas", "serviceaccounts", "services"})
_COMMON_FIELDS = frozenset({"metadata.name", "metadata.namespace"})


class Rest:
    """The verbs of the API on a Store."""

    def __init__(self, store: Store, *, logs: LogSource | None, now: Callable[[], datetime]) -> None:
        self._store = store
        self._now = now
        self._renderer = Renderer(now)
        pods = PodSubresources(store, logs=logs, now=now)
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
            "log": pods.log,
            "binding": pods.binding,
            "eviction": pods.eviction,
        }

    def handle(self, call: Call) -> Answer | Stream:
        """Execute a call. Raises ApiError."""
        info = call.info
        if info.subresource and info.subresource not in call.kind.subresources:
            raise NotFound("the server could not find the requested resource")
        if info.verb not in self._verbs or (info.verb in ("update", "patch") and not info.name):
            raise MethodNotAllowed("the server does not allow this method on the requested resource")
        return self._parts.get(info.subresource, self._verbs[info.verb])(call)

    def _get(self, call: Call) -> Answer:
        stored = self._store.entry(call.kind.resource, call.namespace, call.info.name)
        if call.info.subresource == "scale":
            return Answer(json_utils.dumps(read_scale(call.kind, stored.object)))
        return self._renderer.one(call, stored.object, data=stored.data)

    def _list(self, call: Call) -> Answer:
        matches = self._predicate(call)
        entries = [e for e in self._store.entries(call.kind.resource, call.namespace) if matches(e.object)]
        version = str(self._store.version)
        if call.wants.as_ == "Table":
            return Answer(json_utils.dumps(self._renderer.table(call, [e.object for e in entries], version)))
        head = {"kind": f"{call.kind.kind}List", "apiVersion": call.kind.api_version}
        if call.wants.as_:
            head = {"kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1"}
        render = self._renderer.render(call)
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
            seconds=number(call, "timeoutSeconds") or _WATCH_SECONDS,
            render=self._renderer.watch_render(call),
        )
        return Stream(watch.stream(self._store, request))

    def _create(self, call: Call) -> Answer:
        obj = self._decoded(call, call.body)
        created = self._store.create(call.kind.resource, obj, dry_run=call.dry_run)
        return self._renderer.one(call, created, status=201)

    def _update(self, call: Call) -> Answer:
        old = self._store.get(call.kind.resource, call.namespace, call.info.name)
        if call.info.subresource == "scale":
            return self._scaled(call, old, call.body)
        return self._renderer.one(call, self._replace(call, self._decoded(call, call.body), old))

    def _patch(self, call: Call) -> Answer:
        media = call.content_type.partition(";")[0].strip()
        if media in patching.APPLY_PATCHES:
            return self._apply(call)
        old = self._store.get(call.kind.resource, call.namespace, call.info.name)
        if call.info.subresource == "scale":
            shown = read_scale(call.kind, old)
            return self._scaled(call, old, patching.patched(call.kind, shown, call.body, media))
        seen = call.kind.to_view(old) if call.kind.to_view else old
        patched = patching.patched(call.kind, seen, call.body, media)
        return self._renderer.one(call, self._replace(call, self._decoded(call, patched), old))

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
            now=stamp(self._now()),
        )
        if live is not None:
            return self._renderer.one(call, self._replace(call, merged, live))
        if call.info.subresource:
            raise NotFound(f'{call.kind.qualified} "{name}" not found')
        return self._renderer.one(call, self._store.create(resource, merged, dry_run=call.dry_run), status=201)

    def _delete(self, call: Call) -> Answer:
        options = decoding.decode_as("DeleteOptions", call.body)
        resource, name = call.kind.resource, call.info.name
        old = self._store.get(resource, call.namespace, name)
        left = self._store.delete(resource, call.namespace, name, **deletion_options(call, options))
        if left is not None or resource in _RETURNED_WHEN_GONE:
            return self._renderer.one(call, left or old)
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
                    call.kind.resource, metadata.get("namespace"), metadata["name"], **deletion_options(call, options)
                )
        head = {"kind": f"{call.kind.kind}List", "apiVersion": call.kind.api_version}
        items = [entry.object for entry in chosen]
        return Answer(
            json_utils.dumps({**head, "metadata": {"resourceVersion": str(self._store.version)}, "items": items})
        )

    def _scaled(self, call: Call, old: Object, wanted: Object) -> Answer:
        updated = self._store.update(call.kind.resource, write_scale(call.kind, old, wanted), dry_run=call.dry_run)
        return Answer(json_utils.dumps(read_scale(call.kind, updated)))

    def _replace(self, call: Call, obj: Object, old: Object) -> Object:
        if obj["metadata"].get("name", call.info.name) != call.info.name:
            raise BadRequest(
                f"the name of the object ({obj['metadata']['name']}) does not match the name on the URL ({call.info.name})"
            )
        obj["metadata"]["name"] = old["metadata"]["name"]
        subresource = call.info.subresource if call.info.subresource == "status" else ""
        return self._store.update(call.kind.resource, obj, subresource=subresource, dry_run=call.dry_run)

    def _decoded(self, call: Call, obj: Any) -> Object:
        """Return an object of a client in the stored version. `fieldValidation` controls the handling of unknown
        fields.
        """
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

    def _predicate(self, call: Call) -> Predicate:
        labels = object_selectors.labels(call.query.get("labelSelector", ""))
        text = call.query.get("fieldSelector", "")
        if call.info.name:
            text = ",".join(filter(None, (text, f"metadata.name={call.info.name}")))
        if not text:
            return labels
        fields = object_selectors.fields(text, supported=call.kind.fields | _COMMON_FIELDS, shown=call.kind.qualified)
        return lambda obj: labels(obj) and fields(obj)
