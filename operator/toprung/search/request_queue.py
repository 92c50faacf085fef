"""Schedules waiting requests: namespaces take turns, and so do their experiments."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

SLOW = 1.0
"""Seconds after which a request is slow; CPU time for a request that has ended."""


@dataclass(frozen=True, slots=True)
class Job:
    """A request that waits or runs.

    Attributes:
        namespace: of its experiment.
        key: of its experiment.
        models: whether the request needs a process with models; other requests only draw.
        heavy: whether the request is known to be slow before it starts.
        since: start time; None while the request waits.
    """

    namespace: str
    key: str
    models: bool
    heavy: bool = False
    since: float | None = None


class RequestScheduler:
    """Selects the next request: the namespace, and within it the experiment, that was served longest ago.

    If there are several processes with models, one namespace occupies at most all but one, and so do all slow
    experiments together. An experiment is slow if its last request was slow. Before its first request has ended, it is
    slow if another experiment of its namespace is. A fast experiment therefore waits for fast ones only, and once for
    the first slow request of a namespace.
    """

    def __init__(self, processes: int) -> None:
        self._most = max(1, processes - 1)
        self._count = 0
        self._experiments: dict[str, tuple[str, int]] = {}  # key -> namespace, number of the last start
        self._namespaces: dict[str, int] = {}
        self._dropped = 0  # the highest dropped number: a namespace that returns does not overtake others
        self._slow: dict[str, str] = {}
        self._fast: set[str] = set()

    def next(self, waiting: Sequence[Job], running: Sequence[Job], now: float) -> Job | None:
        """Return the job that may start next; None if no job may start.

        Args:
            waiting: jobs for which a process is free, in the order of their arrival.
            running: jobs that run.
            now: the time, in seconds of the clock of `Job.since`.
        """
        allowed = [job for job in waiting if not job.models or self._may_start(job, running, now)]
        return min(allowed, key=self._last, default=None)

    def started(self, job: Job) -> None:
        """Record a start."""
        self._count += 1
        self._namespaces[job.namespace] = self._count
        self._experiments[job.key] = (job.namespace, self._count)

    def ended(self, job: Job, seconds: float) -> None:
        """Record whether the job was slow by its seconds of CPU time, unless its experiment was dropped meanwhile."""
        if job.key not in self._experiments:
            return
        self._forget_speed(job.key)
        if seconds > SLOW:
            self._slow[job.key] = job.namespace
        else:
            self._fast.add(job.key)

    def forget(self, key: str) -> None:
        """Drop the records of an experiment, and of its namespace if it has no other experiment."""
        self._forget_speed(key)
        namespace, number = self._experiments.pop(key, ("", 0))
        self._dropped = max(self._dropped, number)
        if namespace not in (other for other, _ in self._experiments.values()):
            self._dropped = max(self._dropped, self._namespaces.pop(namespace, 0))

    def _forget_speed(self, key: str) -> None:
        self._slow.pop(key, None)
        self._fast.discard(key)

    def _last(self, job: Job) -> tuple[int, int]:
        namespace, experiment = self._namespaces.get(job.namespace, 0), self._experiments.get(job.key, ("", 0))[1]
        return max(self._dropped, namespace), max(self._dropped, experiment)

    def _may_start(self, job: Job, running: Iterable[Job], now: float) -> bool:
        rivals = [one for one in running if one.models]
        if sum(one.namespace == job.namespace for one in rivals) >= self._most:
            return False
        slow = sum(self._is_slow(one) or _takes_long(one, now) for one in rivals)
        return slow < self._most or not self._is_slow(job)

    def _is_slow(self, job: Job) -> bool:
        unknown = job.key not in self._slow and job.key not in self._fast
        return job.heavy or job.key in self._slow or (unknown and job.namespace in self._slow.values())


def _takes_long(job: Job, now: float) -> bool:
    return job.since is not None and now - job.since > SLOW
