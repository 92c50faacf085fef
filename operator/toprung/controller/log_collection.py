"""Collects logs: follows the current attempt of every trial that has not ended, from its start to its last line."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterable
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
from toprung.planning.early_stopping import build_rule
from toprung.planning.snapshot import Collected

logger = logging.getLogger(__name__)

YOUNG = timedelta(seconds=3)
"""A Pod that started longer ago has printed lines that were not read: the operator was down."""


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(slots=True)
class FollowedLog:
    """A follower and the task it runs in."""

    follower: LogFollower
    task: asyncio.Task[None]


class LogCollection:
    """The followers, one for each current attempt, grouped by experiment."""

    def __init__(
        self, client: KubeClient, on_change: Callable[[str], None], clock: Callable[[], datetime] = _now
    ) -> None:
        self._client = client
        self._clock = clock
        self._on_change = on_change
        self._pace = Pace()
        self._followed: dict[str, dict[str, FollowedLog]] = {}

    def follow(self, experiment: ExperimentRecord, attempts: Iterable[tuple[TrialRecord, PodRecord]]) -> None:
        """Start the followers that are missing, stop those that are not needed, and notify those whose Pod has ended.

        Args:
            experiment: the Experiment.
            attempts: all its Pods, each with its Trial.
        """
        followed = self._followed.setdefault(experiment.key, {})
        needed = {pod.uid: (trial, pod) for trial, pod in attempts if _is_followed(trial, pod)}
        for uid in followed.keys() - needed.keys():
            followed.pop(uid).task.cancel()
        missing = needed.keys() - followed.keys()
        rule = build_rule(experiment) if missing else None
        for uid, (trial, pod) in needed.items():
            if uid in missing:
                followed[uid] = self._start(experiment, trial, pod, rule)
            followed[uid].follower.cut_off = deadline_of(experiment)
            if pod.over:
                followed[uid].follower.finish()

    def collected(self, key: str) -> dict[str, Collected]:
        """Return the reports that were read so far, by the UID of the Pod."""
        return {
            uid: Collected(
                each.follower.progress,
                drained=each.follower.drained,
                tail=last_lines(each.follower),
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
        """Stop all followers of an experiment."""
        for each in self._followed.pop(key, {}).values():
            each.task.cancel()

    def close(self) -> None:
        """Stop all followers."""
        for key in tuple(self._followed):
            self.forget(key)

    def _start(
        self, experiment: ExperimentRecord, trial: TrialRecord, pod: PodRecord, rule: Stopper | None
    ) -> FollowedLog:
        objective, *others = experiment.spec.all_objectives
        line_format, now = line_format_for(experiment.spec), self._clock()
        follower = LogFollower(
            partial(self._open_log, experiment.namespace, pod),
            line_format=line_format,
            tracking=Tracking(
                metric=objective.metric,
                maximize=objective.type == "maximize",
                levels=rule.levels(trial.bracket) if rule is not None else (),
                others=frozenset(other.metric for other in others),
                step_names=line_format.step_names,
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
        """Record an internal error of a follower. Its trial then ends by the reports that were read."""
        if task.cancelled() or (error := task.exception()) is None:
            return
        logger.error("internal error while reading a log: task=%s", task.get_name(), exc_info=error)
        follower.failed, follower.drained = "internal error while the log was read", True
        self._on_change(key)

    def _open_log(
        self, namespace: str, pod: PodRecord, since: datetime | None, tail: int | None
    ) -> AsyncIterator[bytes]:
        return self._client.log(namespace=namespace, pod=pod.name, container=pod.container, since=since, tail=tail)


def last_lines(follower: LogFollower) -> tuple[str, ...]:
    """Return the last lines of the program, and why its log could not be read to its end."""
    return (*follower.tail, f"({follower.failed})") if follower.drained and follower.failed else follower.tail


def _is_followed(trial: TrialRecord, pod: PodRecord) -> bool:
    """Return whether the log is of the current attempt of a trial that has not ended.

    The log of a paused trial is still read: its checkpoint changes until its Pod has ended.
    """
    current = pod.attempt == trial.attempt and pod.controller_uid == trial.uid
    return current and not trial.state.terminal and pod.phase is not PodPhase.PENDING
