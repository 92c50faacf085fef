"""Resolution of contradicting updates in the cache."""

import logging

import pytest

from toprung.errors import ClusterUnavailable
from toprung.kube.cache import LONGEST_REASON, Cache


def pod(name: str, version: int | str, *, phase: str = "Running", owner: str = "exp") -> dict:
    return {
        "metadata": {"namespace": "team", "name": name, "resourceVersion": str(version), "labels": {"of": owner}},
        "phase": phase,
    }


def convert(obj: dict) -> tuple[str, str, str] | None:
    phase = obj["phase"]
    return None if phase == "Ignored" else (obj["metadata"]["labels"]["of"], obj["metadata"]["name"], phase)


def make_cache(*objects: dict, version: int | str = 10) -> tuple[Cache, list]:
    """Return a cache that has listed `objects`, and a list of its later notifications."""
    notified: list = []
    cache = Cache(convert=convert, index=lambda row: row[0], on_change=lambda *news: notified.append(news))
    cache.replace(dict(cache.entries(objects)), version=str(version), requested_at=0)
    notified.clear()
    return cache, notified


def event(kind: str, obj: dict) -> dict:
    return {"type": kind, "object": obj}


def phase_of(cache: Cache, name: str = "a") -> str | None:
    row = cache.get("team", name)
    return row and row[2]


@pytest.mark.parametrize(
    ("news", "phase"),
    [
        pytest.param(event("MODIFIED", pod("a", 11, phase="Failed")), "Failed", id="newer"),
        pytest.param(event("DELETED", pod("a", 11)), None, id="deleted"),
        pytest.param(event("DELETED", pod("a", 4)), "Running", id="an earlier object of the name was deleted"),
        pytest.param(event("MODIFIED", pod("a", 11, phase="Ignored")), None, id="no longer selected"),
        pytest.param(event("MODIFIED", pod("a", "x-1", phase="Failed")), "Failed", id="version is no number"),
    ],
)
def test_an_event_counts_unless_the_cached_object_is_newer(news, phase):
    """Versions decide."""
    cache, _ = make_cache(pod("a", 5))
    cache.apply(news)
    assert phase_of(cache) == phase


@pytest.mark.parametrize(
    ("answer", "phase"),
    [
        pytest.param(pod("a", 12, phase="Failed"), "Failed", id="newer than the watch"),
        pytest.param(pod("a", 4, phase="Failed"), "Running", id="older than the watch"),
        pytest.param(pod("a", "x-1", phase="Failed"), "Failed", id="version is no number"),
    ],
)
def test_an_own_write_is_visible_immediately(answer, phase):
    """The answer to a write counts before the watch delivers it, but never replaces a newer object."""
    cache, _ = make_cache(pod("a", 5))
    cache.put(answer)
    assert phase_of(cache) == phase


def test_a_late_answer_does_not_restore_a_deleted_object():
    """The answer to a create arrives after the watch has reported the deletion."""
    cache, notified = make_cache()
    cache.apply(event("ADDED", pod("a", 11)))
    cache.apply(event("DELETED", pod("a", 12)))
    cache.put(pod("a", 11))
    assert cache.get("team", "a") is None
    assert len(notified) == 2


def test_own_writes_during_a_list_stay():
    """A list shows the state at its start, without later writes."""
    cache, notified = make_cache(pod("a", 5))
    requested_at = cache.newest
    entries = dict(cache.entries([pod("a", 5)]))
    cache.put(pod("a", 12, phase="Failed"))
    cache.put(pod("b", 13))
    notified.clear()
    cache.replace(entries, version="11", requested_at=requested_at)
    assert (phase_of(cache, "a"), phase_of(cache, "b")) == ("Failed", "Running")
    assert notified == []


def test_a_relist_reports_deleted_objects():
    """The deletion happened while no watch was open."""
    cache, notified = make_cache(pod("a", 5), pod("b", 6))
    cache.replace(dict(cache.entries([pod("b", 6)])), version="20", requested_at=cache.newest)
    assert notified == [("exp", ("exp", "a", "Running"), None)]
    assert len(cache) == 1


def test_lower_versions_after_a_new_list_are_accepted():
    """After a restore from a backup the cached objects are invalid."""
    cache, _ = make_cache(pod("a", 5000), version=5000)
    cache.replace(dict(cache.entries([pod("b", 3)])), version="7", requested_at=cache.newest)
    assert (cache.get("team", "a"), phase_of(cache, "b")) == (None, "Running")
    cache.apply(event("MODIFIED", pod("b", 8, phase="Failed")))
    assert phase_of(cache, "b") == "Failed"


@pytest.mark.parametrize("kind", ["BOOKMARK", "MODIFIED"])
def test_a_decreasing_version_in_a_watch_is_an_error(kind):
    """The history of the server is a different one."""
    cache, _ = make_cache(version=5000)
    with pytest.raises(ClusterUnavailable, match="5000 to 7"):
        cache.apply(event(kind, pod("a", 7)))


def test_only_differences_are_reported():
    """An event that does not change the record causes no notification."""
    cache, notified = make_cache(pod("a", 5))
    cache.apply(event("MODIFIED", pod("a", 11)))
    assert notified == []


def test_an_object_that_changes_its_owner():
    """Both owners are notified, and the index follows."""
    cache, notified = make_cache(pod("a", 5))
    cache.apply(event("MODIFIED", pod("a", 11, owner="other")))
    assert notified == [("exp", ("exp", "a", "Running"), None), ("other", None, ("other", "a", "Running"))]
    assert (cache.of("exp"), cache.of("other")) == ((), (("other", "a", "Running"),))


def test_an_unreadable_object_does_not_hide_others(caplog):
    """It is logged and omitted."""
    with caplog.at_level(logging.ERROR):
        cache, _ = make_cache({"metadata": {"namespace": "team", "name": "odd"}}, pod("a", 5))
    assert (len(cache), phase_of(cache)) == (1, "Running")
    assert "team/odd" in caplog.text


def test_an_unreadable_object_is_logged_once(caplog):
    """It can change many times a second. It is logged again once it was readable."""
    cache, _ = make_cache()
    odd = {"metadata": {"namespace": "team", "name": "a", "labels": {"of": "exp"}}}
    for version in range(11, 30):
        cache.apply(event("MODIFIED", {"metadata": {**odd["metadata"], "resourceVersion": str(version)}}))
    assert len(caplog.records) == 1
    cache.apply(event("MODIFIED", pod("a", 30)))
    cache.apply(event("MODIFIED", {"metadata": {**odd["metadata"], "resourceVersion": "31"}}))
    assert len(caplog.records) == 2


def test_messages_about_unreadable_objects_are_bounded():
    """The message of an exception may quote the whole object."""

    def refuse(_):
        raise ValueError("x" * 100_000)

    cache = Cache(convert=refuse, index=id, on_change=lambda *_: None, claim=lambda _: ("team/exp", "uid"))
    cache.apply(event("ADDED", pod("a", 11)))
    assert {key: len(why) for key, (_, why) in cache.unreadable("team/exp").items()} == {"team/a": LONGEST_REASON}
