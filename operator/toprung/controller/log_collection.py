"""Who is followed: the current attempt of every trial that has not ended, from its Pod's start to its last line."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial

from toprung.collectors import LogFollower
from toprung.collectors.pace import Pace, Turn
from toprung.early_stopping import Stopper
from toprung.kube.client import KubeClient
from toprung.metrics import Tracking, line_format_for
from toprung.objects.experiment import ExperimentRecord
from toprung.objects.pod import PodPhase, PodRecord
from toprung.objects.trial import TrialRecord
from toprung.planning.completion import deadline_of
from toprung.planning.snapshot import Collected

logger = logging.getLogger(__name__)

YOUNG = timedelta(seconds=3)
"""A Pod that started longer ago than this has printed lines that were not read: the operator was down."""


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(slots=True)
class FollowedLog:
    """A follower and the task it runs in."""

    follower: LogFollower
    task: asyncio.Task[None]


class LogCollection:
    """One follower for each Pod that is of interest, grouped by experiment."""

    def __init__(
        self, gateway: KubeClient, on_change: Callable[[str], None], clock: Callable[[], datetime] = _now
    ) -> None:
        self._gateway = gateway
        self._clock = clock
        self._on_change = on_change
        self._pace = Pace()
        self._followed: dict[str, dict[str, FollowedLog]] = {}

    def follow(
        self,
        experiment: ExperimentRecord,
        trials: Iterable[TrialRecord],
        pods: Mapping[str, tuple[PodRecord, ...]],
        stopper: Stopper | None,
    ) -> None:
        """Start the followers that are missing, tell those whose Pod has ended, and end those of no interest."""
        followed = self._followed.setdefault(experiment.key, {})
        wanted = {pod.uid: (trial, pod) for trial, pod in _of_interest(trials, pods)}
        for uid in followed.keys() - wanted.keys():
            followed.pop(uid).task.cancel()
        for uid, (trial, pod) in wanted.items():
            if uid not in followed:
                followed[uid] = self._start(experiment, trial, pod, stopper)
            followed[uid].follower.cut_off = deadline_of(experiment)
            if pod.over:
                followed[uid].follower.finish()

    def collected(self, key: str) -> dict[str, Collected]:
        """Give what was read so far, by the UID of the Pod."""
        return {
            uid: Collected(
                each.follower.progress,
                drained=each.follower.drained,
                tail=last_words(each.follower),
                log_unavailable=each.follower.log_unavailable,
                unread=each.follower.unread,
                reported=each.follower.reported,
                until=each.follower.until,
                idle=each.follower.idle,
                caught_up=each.follower.caught_up,
            )
            for uid, each in self._followed.get(key, {}).items()
        }

    def forget(self, key: str) -> None:
        """End all followers of an experiment."""
        for each in self._followed.pop(key, {}).values():
            each.task.cancel()

    def close(self) -> None:
        """End all followers."""
        for key in tuple(self._followed):
            self.forget(key)

    def _start(
        self, experiment: ExperimentRecord, trial: TrialRecord, pod: PodRecord, stopper: Stopper | None
    ) -> FollowedLog:
        objective, *others = experiment.spec.all_objectives
        grammar, now = line_format_for(experiment.spec), self._clock()
        follower = LogFollower(
            partial(self._open_log, experiment.namespace, pod),
            grammar=grammar,
            tracking=Tracking(
                metric=objective.metric,
                maximize=objective.type == "maximize",
                levels=stopper.levels(trial.bracket) if stopper is not None else (),
                others=frozenset(other.metric for other in others),
                step_names=grammar.step_names,
                offset=trial.step_offset,
            ),
            progress=trial.progress,
            on_change=partial(self._on_change, experiment.key),
            attempt=pod.attempt,
            turn=Turn(self._pace, experiment.namespace),
            behind=now if pod.started is not None and now - pod.started >= YOUNG else None,
        )
        task = asyncio.create_task(follower.run(), name=f"follow {pod.name}")
        task.add_done_callback(partial(self._note_end, experiment.key, follower))
        return FollowedLog(follower, task)

    def _note_end(self, key: str, follower: LogFollower, task: asyncio.Task[None]) -> None:
        """See to it that a defect of ours in reading does not keep a trial from ending: what was read decides."""
        if task.cancelled() or (error := task.exception()) is None:
            return
        logger.error("%s: internal error while reading a log", task.get_name(), exc_info=error)
        follower.failed, follower.drained = "internal error while the log was read", True
        self._on_change(key)

    def _open_log(
        self, namespace: str, pod: PodRecord, since: datetime | None, tail: int | None
    ) -> AsyncIterator[bytes]:
        return self._gateway.log(namespace=namespace, pod=pod.name, container=pod.container, since=since, tail=tail)


def last_words(follower: LogFollower) -> tuple[str, ...]:
    """Give the program's last lines; where its log was given up, why, lest the program be blamed for its silence."""
    return (*follower.tail, f"({follower.failed})") if follower.drained and follower.failed else follower.tail


def _of_interest(
    trials: Iterable[TrialRecord], pods: Mapping[str, tuple[PodRecord, ...]]
) -> Iterable[tuple[TrialRecord, PodRecord]]:
    for trial in trials:
        if trial.state.terminal:
            continue  # a paused one is still read: its checkpoint moves on until its Pod has ended
        for pod in pods.get(trial.name, ()):
            current = pod.attempt == trial.attempt and pod.controller_uid == trial.uid
            if current and pod.phase is not PodPhase.PENDING:
                yield trial, pod
