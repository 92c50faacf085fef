"""For any additions in any order, no key is lost and no key is reconciled twice at once."""

import asyncio
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from itertools import pairwise

import looptime
from hypothesis import given
from hypothesis import strategies as st

from toprung.kube.work_queue import WorkQueue

KEYS = ("team-a/one", "team-a/two", "team-b/one")
LONGEST_REST = 0.25
RETRY = 0.5


@dataclass(frozen=True)
class Addition:
    """After `wait` seconds, request a reconciliation of `key` in `after` seconds (0: `add`)."""

    wait: float
    key: str
    after: float


@dataclass
class Trace:
    """The requests as (time, key, due time), and the (start, end) of the reconciliations of each key."""

    added: list[tuple[float, str, float]] = field(default_factory=list)
    reconciliations: dict[str, list[tuple[float, float]]] = field(default_factory=lambda: defaultdict(list))
    active: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    most_active: int = 0


milliseconds = st.integers(0, 3000).map(lambda ms: ms / 1000)
steps = st.lists(
    st.builds(Addition, wait=milliseconds, key=st.sampled_from(KEYS), after=st.just(0.0) | milliseconds), max_size=25
)
durations = st.lists(st.integers(0, 900).map(lambda ms: ms / 1000), min_size=1, max_size=8)
outcomes = st.lists(st.booleans(), min_size=1, max_size=8)


def play(script: list[Addition], *, workers: int, durations: list[float], failing: list[bool]) -> Trace:
    """Run the script in virtual time until the queue is empty."""
    trace = Trace()

    async def work(queue: WorkQueue, loop: asyncio.AbstractEventLoop) -> None:
        async for key in queue:
            trace.active[key] += 1
            trace.most_active = max(trace.most_active, trace.active[key])
            start, number = loop.time(), sum(map(len, trace.reconciliations.values()))
            await asyncio.sleep(durations[number % len(durations)])
            if number < len(failing) and failing[number]:
                trace.added.append((loop.time(), key, loop.time() + RETRY))
                queue.add_after(key, RETRY)
            trace.reconciliations[key].append((start, loop.time()))
            trace.active[key] -= 1
            queue.done(key)

    async def main() -> None:
        loop = asyncio.get_running_loop()
        queue = WorkQueue(max_backoff=LONGEST_REST)
        tasks = [asyncio.create_task(work(queue, loop)) for _ in range(workers)]
        for step in script:
            await asyncio.sleep(step.wait)
            trace.added.append((loop.time(), step.key, loop.time() + step.after))
            queue.add_after(step.key, step.after) if step.after else queue.add(step.key)
        await asyncio.sleep(1000)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    with asyncio.Runner(loop_factory=looptime.new_event_loop) as runner:
        runner.run(main())
    return trace


@given(script=steps, workers=st.integers(1, 3), durations=durations, failing=outcomes)
def test_no_key_is_reconciled_twice_at_once(script, workers, durations, failing):
    """Two workers never have the same key."""
    assert play(script, workers=workers, durations=durations, failing=failing).most_active <= 1


@given(script=steps, workers=st.integers(1, 3), durations=durations, failing=outcomes)
def test_each_addition_is_followed_by_a_reconciliation(script, workers, durations, failing):
    """The reconciliation starts after the add or add_after."""
    trace = play(script, workers=workers, durations=durations, failing=failing)
    starts = {key: max((start for start, _ in trace.reconciliations[key]), default=-1) for key in KEYS}
    assert [added for added in trace.added if added[0] > starts[added[1]]] == []


@given(script=steps, durations=durations, failing=outcomes)
def test_a_reconciliation_is_on_time_with_free_workers(script, durations, failing):
    """With a worker for each key, only the running reconciliation and the rest of the key itself can delay it."""
    trace = play(script, workers=len(KEYS), durations=durations, failing=failing)
    delay = max(durations) + LONGEST_REST + 1e-6
    late = [
        (added, key, due)
        for added, key, due in trace.added
        if not any(added <= start <= due + delay for start, _ in trace.reconciliations[key])
    ]
    assert late == []


@given(script=steps, workers=st.integers(1, 3), durations=durations, failing=outcomes)
def test_a_key_rests_for_the_duration_of_its_reconciliation(script, workers, durations, failing):
    """Between two reconciliations of a key there are min(duration of the first, the longest rest) seconds."""
    trace = play(script, workers=workers, durations=durations, failing=failing)
    too_early = [
        (start, end, following)
        for reconciliations in trace.reconciliations.values()
        for (start, end), (following, _) in pairwise(reconciliations)
        if following - end < min(end - start, LONGEST_REST) - 1e-6
    ]
    assert too_early == []


@given(script=steps, workers=st.integers(1, 3), durations=durations)
def test_no_reconciliation_without_an_addition(script, workers, durations):
    """A key has at most as many reconciliations as additions."""
    trace = play(script, workers=workers, durations=durations, failing=[False])
    reconciled = Counter({key: len(each) for key, each in trace.reconciliations.items()})
    assert reconciled <= Counter(key for _, key, _ in trace.added)
