"""The order of requests."""

import pytest

from toprung.search.request_queue import SLOW, Job, RequestScheduler

NOW = 100.0


def job(name, *, models=True, since=None):
    """Return a request of experiment `a1` of namespace `a`, and so on."""
    return Job(name[0], name, models, since=since)


def served(turns, names):
    """Serve the waiting jobs one after another."""
    waiting = [job(name) for name in names]
    while waiting:
        chosen = turns.next(waiting, (), NOW)
        waiting.remove(chosen)
        turns.started(chosen)
        yield chosen.key


def ended(turns, request, seconds):
    """Start and end a request."""
    turns.started(request)
    turns.ended(request, seconds)


@pytest.mark.parametrize(
    ("waiting", "order"),
    [
        pytest.param(["a1", "a2", "a3", "b1"], ["a1", "b1", "a2", "a3"], id="namespaces"),
        pytest.param(["a1", "a1", "a2", "a1"], ["a1", "a2", "a1", "a1"], id="experiments-of-a-namespace"),
        pytest.param(["a1", "a2", "b1", "b2", "c1"], ["a1", "b1", "c1", "a2", "b2"], id="all-in-turn"),
    ],
)
def test_namespaces_and_their_experiments_take_turns(waiting, order):
    """The next one is the one that was served longest ago."""
    assert list(served(RequestScheduler(2), waiting)) == order


@pytest.mark.parametrize(
    ("processes", "running", "slow", "waiting", "chosen"),
    [
        pytest.param(2, [], (), "a1", True, id="all-free"),
        pytest.param(2, ["a1"], (), "a2", False, id="a-namespace-leaves-one-process"),
        pytest.param(2, ["a1"], (), "b1", True, id="another-namespace"),
        pytest.param(3, ["a1"], (), "a2", True, id="a-namespace-may-have-two-of-three"),
        pytest.param(2, ["a1"], ("a1", "b1"), "b1", False, id="slow-experiments-leave-one-process"),
        pytest.param(2, ["a1"], ("a1",), "b1", True, id="a-fast-one-beside-a-slow-one"),
        pytest.param(1, [], ("a1",), "a1", True, id="one-process-serves-all"),
    ],
)
def test_a_process_is_left_for_others(processes, running, slow, waiting, chosen):
    """Neither a namespace nor slow experiments occupy all processes."""
    turns = RequestScheduler(processes)
    for name in slow:
        ended(turns, job(name), 2 * SLOW)
    found = turns.next([job(waiting)], [job(name, since=NOW) for name in running], NOW)
    assert (found is not None) == chosen


def test_a_fast_request_makes_an_experiment_fast():
    """A forgotten experiment is fast too."""
    turns = RequestScheduler(2)
    for name in ("a1", "b1"):
        ended(turns, job(name), 2 * SLOW)
    ended(turns, job("a1"), 0.0)
    turns.forget("b1")
    running = [job("c1", since=NOW - 2 * SLOW)]
    assert [turns.next([job(name)], running, NOW).key for name in ("a1", "b1")] == ["a1", "b1"]


def test_a_new_experiment_is_slow_if_another_one_of_its_namespace_is():
    """It is until its first request shows otherwise. Those of other namespaces are not."""
    turns = RequestScheduler(2)
    ended(turns, job("a1"), 2 * SLOW)
    running = [job("c1", since=NOW - 2 * SLOW)]
    assert turns.next([job("a2")], running, NOW) is None
    assert turns.next([job("b1")], running, NOW).key == "b1"
    ended(turns, job("a2"), 0.0)
    assert turns.next([job("a2")], running, NOW).key == "a2"


def test_a_request_that_is_known_to_be_heavy_is_slow_from_the_start():
    """The first request need not show it."""
    heavy = Job("a", "a1", models=True, heavy=True)
    assert RequestScheduler(2).next([heavy], [job("b1", since=NOW - 2 * SLOW)], NOW) is None


def test_a_request_that_runs_for_long_counts_as_slow():
    """It counts before its end."""
    turns = RequestScheduler(2)
    ended(turns, job("b1"), 2 * SLOW)
    assert turns.next([job("b1")], [job("a1", since=NOW - 2 * SLOW)], NOW) is None


def test_requests_that_draw_wait_for_no_model():
    """They have other processes."""
    assert RequestScheduler(1).next([job("a1", models=False)], [job("a2", since=NOW)], NOW).key == "a1"


@pytest.mark.parametrize("seconds", [0.0, 2 * SLOW], ids=["fast", "slow"])
def test_a_request_that_outlives_its_experiment_leaves_no_state(seconds):
    """Neither its key nor its namespace remains, so that the next experiment does not start as slow."""
    turns = RequestScheduler(2)
    turns.started(job("a1"))
    turns.forget("a1")
    turns.ended(job("a1"), seconds)
    assert not any((turns._experiments, turns._namespaces, turns._slow, turns._fast))
    assert turns.next([job("a2")], [job("c1", since=NOW - 2 * SLOW)], NOW).key == "a2"


def test_a_namespace_is_known_while_one_of_its_experiments_is():
    """It keeps its place in the order."""
    turns = RequestScheduler(2)
    for name in ("a1", "a2", "b1"):
        turns.started(job(name))
    turns.forget("a1")
    assert list(turns._namespaces) == ["a", "b"]
    assert list(served(turns, ["b1", "a2"])) == ["a2", "b1"]


def test_a_namespace_with_short_experiments_does_not_overtake_others():
    """A forgotten namespace counts as served at the time when it was forgotten."""
    turns = RequestScheduler(2)
    turns.started(job("b1"))
    turns.started(job("a1"))
    turns.forget("a1")
    assert list(served(turns, ["b1", "a2"])) == ["b1", "a2"]
