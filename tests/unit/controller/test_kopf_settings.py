"""The processing of Experiment events by kopf."""

import copy

from toprung.controller.kopf_adapter import kopf_settings


class Uncopyable(dict):
    """An object that raises an error when it is copied."""

    def __deepcopy__(self, _):
        raise AssertionError("an object is copied")


def test_no_object_is_copied():
    """Kopf's usual storages copy each object several times, which blocks the event loop for large ones."""
    persistence, body = kopf_settings().persistence, Uncopyable(spec={"a": 1})
    essence = persistence.diffbase_storage.build(body=body, extra_fields=None)
    assert persistence.progress_storage.clear(essence=essence) is essence
    assert persistence.diffbase_storage.fetch(body=body) is None
    assert persistence.progress_storage.fetch(key="handler", body=body) is None


def test_kopf_writes_nothing_into_objects():
    """Event handlers have no progress, so there is no annotation and no status."""
    persistence, patch = kopf_settings().persistence, {}
    persistence.progress_storage.store(key="handler", record={}, body={}, patch=patch)
    persistence.progress_storage.touch(body={}, patch=patch, value="now")
    persistence.progress_storage.purge(key="handler", body={}, patch=patch)
    persistence.diffbase_storage.store(body={}, patch=patch, essence=copy.copy({"spec": 1}))
    assert patch == {}
