"""Whose request is next."""

import pytest

from toprung.search.request_queue import SLOW, Job, RequestScheduler

NOW = 100.0


def job(name, *, models=True, since=None):
    """A request of experiment `a1` of namespace `a`, and so on."""
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
    """Have a request start and end."""
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
    """The one that was served longest ago is next."""
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
    """Neither one namespace nor slow experiments occupy all processes."""
    turns = RequestScheduler(processes)
    for name in slow:
        ended(turns, job(name), 2 * SLOW)
    found = turns.next([job(waiting)], [job(name, since=NOW) for name in running], NOW)
    assert (found is not None) == chosen


def test_an_experiment_that_was_fast_is_not_slow_any_more():
    """Nor is one that was forgotten."""
    turns = RequestScheduler(2)
    for name in ("a1", "b1"):
        ended(turns, job(name), 2 * SLOW)
    ended(turns, job("a1"), 0.0)
    turns.forget("b1")
    running = [job("c1", since=NOW - 2 * SLOW)]
    assert [turns.next([job(name)], running, NOW).key for name in ("a1", "b1")] == ["a1", "b1"]


def test_an_unknown_experiment_is_slow_where_another_one_of_its_namespace_is():
    """Until its first request has shown that it is not; those of other namespaces are not."""
    turns = RequestScheduler(2)
    ended(turns, job("a1"), 2 * SLOW)
    running = [job("c1", since=NOW - 2 * SLOW)]
    assert turns.next([job("a2")], running, NOW) is None
    assert turns.next([job("b1")], running, NOW).key == "b1"
    ended(turns, job("a2"), 0.0)
    assert turns.next([job("a2")], running, NOW).key == "a2"


def test_a_request_that_is_known_to_be_heavy_is_slow_from_the_start():
    """It does not wait for the first one to show it."""
    heavy = Job("a", "a1", models=True, heavy=True)
    assert RequestScheduler(2).next([heavy], [job("b1", since=NOW - 2 * SLOW)], NOW) is None


def test_a_request_that_runs_for_long_counts_as_slow():
    """Before it has ended."""
    turns = RequestScheduler(2)
    ended(turns, job("b1"), 2 * SLOW)
    assert turns.next([job("b1")], [job("a1", since=NOW - 2 * SLOW)], NOW) is None


def test_requests_that_draw_wait_for_no_model():
    """Their processes are others."""
    assert RequestScheduler(1).next([job("a1", models=False)], [job("a2", since=NOW)], NOW).key == "a1"


@pytest.mark.parametrize("seconds", [0.0, 2 * SLOW], ids=["fast", "slow"])
def test_a_request_that_ends_after_its_experiment_was_forgotten_leaves_nothing(seconds):
    """Neither its key nor its namespace, whose next experiment does not start as slow."""
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


def test_a_namespace_whose_experiments_come_and_end_does_not_overtake_others():
    """What was forgotten is as if it had been served when it was."""
    turns = RequestScheduler(2)
    turns.started(job("b1"))
    turns.started(job("a1"))
    turns.forget("a1")
    assert list(served(turns, ["b1", "a2"])) == ["b1", "a2"]
