"""What the cache believes when news contradict each other."""

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
    """A cache that has listed `objects`, and the list of what it tells from now on."""
    told: list = []
    cache = Cache(convert=convert, index=lambda row: row[0], on_change=lambda *news: told.append(news))
    cache.replace(dict(cache.entries(objects)), version=str(version), requested_at=0)
    told.clear()
    return cache, told


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
        pytest.param(event("MODIFIED", pod("a", 11, phase="Ignored")), None, id="of no interest any more"),
        pytest.param(event("MODIFIED", pod("a", "x-1", phase="Failed")), "Failed", id="version is no number"),
    ],
)
def test_events(news, phase):
    """An event counts unless what is held is newer."""
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
def test_our_own_write_is_read_at_once(answer, phase):
    """The answer to a write counts before the watch delivers it, but never against something newer."""
    cache, _ = make_cache(pod("a", 5))
    cache.put(answer)
    assert phase_of(cache) == phase


def test_a_late_answer_does_not_bring_back_the_deleted():
    """An object that the watch has seen created and deleted stays deleted when the creation's answer arrives."""
    cache, told = make_cache()
    cache.apply(event("ADDED", pod("a", 11)))
    cache.apply(event("DELETED", pod("a", 12)))
    cache.put(pod("a", 11))
    assert cache.get("team", "a") is None
    assert len(told) == 2


def test_own_writes_during_a_list_stay():
    """A list shows the moment at which it was begun, not our writes since."""
    cache, told = make_cache(pod("a", 5))
    requested_at = cache.newest
    entries = dict(cache.entries([pod("a", 5)]))
    cache.put(pod("a", 12, phase="Failed"))
    cache.put(pod("b", 13))
    told.clear()
    cache.replace(entries, version="11", requested_at=requested_at)
    assert (phase_of(cache, "a"), phase_of(cache, "b")) == ("Failed", "Running")
    assert told == []


def test_a_relist_reports_deleted_objects():
    """A deletion that happened while nobody watched is delivered."""
    cache, told = make_cache(pod("a", 5), pod("b", 6))
    cache.replace(dict(cache.entries([pod("b", 6)])), version="20", requested_at=cache.newest)
    assert told == [("exp", ("exp", "a", "Running"), None)]
    assert len(cache) == 1


def test_a_server_that_lost_its_memory_is_believed():
    """After a restore from a backup versions are lower, and everything held is void."""
    cache, _ = make_cache(pod("a", 5000), version=5000)
    cache.replace(dict(cache.entries([pod("b", 3)])), version="7", requested_at=cache.newest)
    assert (cache.get("team", "a"), phase_of(cache, "b")) == (None, "Running")
    cache.apply(event("MODIFIED", pod("b", 8, phase="Failed")))
    assert phase_of(cache, "b") == "Failed"


@pytest.mark.parametrize("kind", ["BOOKMARK", "MODIFIED"])
def test_a_watch_that_goes_back_is_noticed(kind):
    """A bookmark or an event below what was seen means that the server's history is another one now."""
    cache, _ = make_cache(version=5000)
    with pytest.raises(ClusterUnavailable, match="5000 to 7"):
        cache.apply(event(kind, pod("a", 7)))


def test_only_differences_are_reported():
    """An event that changes nothing of the record wakes nobody."""
    cache, told = make_cache(pod("a", 5))
    cache.apply(event("MODIFIED", pod("a", 11)))
    assert told == []


def test_an_object_that_changes_its_owner():
    """Both owners are told, each of its own loss or gain, and the index follows."""
    cache, told = make_cache(pod("a", 5))
    cache.apply(event("MODIFIED", pod("a", 11, owner="other")))
    assert told == [("exp", ("exp", "a", "Running"), None), ("other", None, ("other", "a", "Running"))]
    assert (cache.of("exp"), cache.of("other")) == ((), (("other", "a", "Running"),))


def test_one_odd_object_does_not_blind(caplog):
    """An object that can't be converted is logged and left out; the others are there."""
    with caplog.at_level(logging.ERROR):
        cache, _ = make_cache({"metadata": {"namespace": "team", "name": "odd"}}, pod("a", 5))
    assert (len(cache), phase_of(cache)) == (1, "Running")
    assert "team/odd" in caplog.text


def test_an_odd_object_is_logged_once(caplog):
    """A user may change it many times a second; it is logged again after it could be read."""
    cache, _ = make_cache()
    odd = {"metadata": {"namespace": "team", "name": "a", "labels": {"of": "exp"}}}
    for version in range(11, 30):
        cache.apply(event("MODIFIED", {"metadata": {**odd["metadata"], "resourceVersion": str(version)}}))
    assert len(caplog.records) == 1
    cache.apply(event("MODIFIED", pod("a", 30)))
    cache.apply(event("MODIFIED", {"metadata": {**odd["metadata"], "resourceVersion": "31"}}))
    assert len(caplog.records) == 2


def test_problems_of_unreadable_objects_are_bounded():
    """The message of an exception may quote the whole object."""

    def refuse(_):
        raise ValueError("x" * 100_000)

    cache = Cache(convert=refuse, index=id, on_change=lambda *_: None, claim=lambda _: ("team/exp", "uid"))
    cache.apply(event("ADDED", pod("a", 11)))
    assert {key: len(why) for key, (_, why) in cache.unreadable("team/exp").items()} == {"team/a": LONGEST_REASON}
