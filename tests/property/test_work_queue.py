"""Whatever is added in whatever order: nothing is lost, and no key is worked on twice at once."""

import asyncio
from collections import defaultdict
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
class Step:
    """After `wait` seconds, ask for a pass of `key` in `after` seconds (0: `add`)."""

    wait: float
    key: str
    after: float


@dataclass
class Trace:
    """What happened: (time, key, asked for when) and (start, end) of the passes of each key."""

    asked: list[tuple[float, str, float]] = field(default_factory=list)
    passes: dict[str, list[tuple[float, float]]] = field(default_factory=lambda: defaultdict(list))
    active: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    most_active: int = 0


milliseconds = st.integers(0, 3000).map(lambda ms: ms / 1000)
steps = st.lists(
    st.builds(Step, wait=milliseconds, key=st.sampled_from(KEYS), after=st.just(0.0) | milliseconds), max_size=25
)
durations = st.lists(st.integers(0, 900).map(lambda ms: ms / 1000), min_size=1, max_size=8)
outcomes = st.lists(st.booleans(), min_size=1, max_size=8)


def play(script: list[Step], *, workers: int, durations: list[float], failing: list[bool]) -> Trace:
    """Run the script in virtual time until nothing is left to do."""
    trace = Trace()

    async def work(queue: WorkQueue, loop: asyncio.AbstractEventLoop) -> None:
        async for key in queue:
            trace.active[key] += 1
            trace.most_active = max(trace.most_active, trace.active[key])
            start, number = loop.time(), sum(map(len, trace.passes.values()))
            await asyncio.sleep(durations[number % len(durations)])
            if number < len(failing) and failing[number]:
                trace.asked.append((loop.time(), key, loop.time() + RETRY))
                queue.add_after(key, RETRY)
            trace.passes[key].append((start, loop.time()))
            trace.active[key] -= 1
            queue.done(key)

    async def main() -> None:
        loop = asyncio.get_running_loop()
        queue = WorkQueue(max_backoff=LONGEST_REST)
        tasks = [asyncio.create_task(work(queue, loop)) for _ in range(workers)]
        for step in script:
            await asyncio.sleep(step.wait)
            trace.asked.append((loop.time(), step.key, loop.time() + step.after))
            queue.add_after(step.key, step.after) if step.after else queue.add(step.key)
        await asyncio.sleep(1000)
        queue.close()
        await asyncio.gather(*tasks)

    with asyncio.Runner(loop_factory=looptime.new_event_loop) as runner:
        runner.run(main())
    return trace


@given(script=steps, workers=st.integers(1, 3), durations=durations, failing=outcomes)
def test_no_key_is_worked_on_twice_at_once(script, workers, durations, failing):
    """Two workers never have the same key."""
    assert play(script, workers=workers, durations=durations, failing=failing).most_active <= 1


@given(script=steps, workers=st.integers(1, 3), durations=durations, failing=outcomes)
def test_nothing_added_is_lost(script, workers, durations, failing):
    """Every add and add_after is followed by a pass that starts after it."""
    trace = play(script, workers=workers, durations=durations, failing=failing)
    for asked_at, key, _ in trace.asked:
        assert any(start >= asked_at for start, _ in trace.passes[key])


@given(script=steps, durations=durations, failing=outcomes)
def test_a_pass_is_in_time_where_workers_are_free(script, durations, failing):
    """With a worker for each key, only a running pass of the key itself and its rest can delay it."""
    trace = play(script, workers=len(KEYS), durations=durations, failing=failing)
    for asked_at, key, wanted in trace.asked:
        latest = wanted + max(durations) + LONGEST_REST + 1e-6
        assert any(asked_at <= start <= latest for start, _ in trace.passes[key])


@given(script=steps, workers=st.integers(1, 3), durations=durations, failing=outcomes)
def test_a_key_rests_as_long_as_it_worked(script, workers, durations, failing):
    """Between two passes of a key there are min(duration of the first, the longest rest) seconds."""
    trace = play(script, workers=workers, durations=durations, failing=failing)
    for passes in trace.passes.values():
        for (start, end), (following, _) in pairwise(passes):
            assert following - end >= min(end - start, LONGEST_REST) - 1e-6


@given(script=steps, workers=st.integers(1, 3), durations=durations)
def test_no_pass_without_a_reason(script, workers, durations):
    """There are no more passes of a key than times it was asked for."""
    trace = play(script, workers=workers, durations=durations, failing=[False])
    for key in KEYS:
        assert len(trace.passes[key]) <= sum(asked == key for _, asked, _ in trace.asked)
