"""Reads stored Experiments without blocking the event loop."""

import asyncio
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from toprung.api.loader import Experiment, is_large, load_experiment, readable_spec
from toprung.api.v1alpha1.experiment import ExperimentSpec
from toprung.controller.namespace_lock import NamespaceLock
from toprung.errors import InvalidExperiment

MAX_KEPT = 256
"""Outcomes of large Experiments that are kept."""


@dataclass(frozen=True, slots=True)
class _Outcome:
    """The result of reading one generation.

    Attributes:
        experiment: the valid Experiment, or its errors.
        readable: the readable part of an invalid spec; of a large Experiment only.
    """

    generation: int
    experiment: Experiment | InvalidExperiment
    readable: ExperimentSpec | None = None


class Validator:
    """Reads a large Experiment once for each generation, in a single thread; a small one at each call.

    One thread, because the event loop waits for each thread that computes, some milliseconds in turn. Namespaces take
    turns at it.
    """

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="validation")
        self._lock = NamespaceLock()
        self._outcomes: dict[str, _Outcome] = {}

    def close(self) -> None:
        """End the thread after the Experiment that it reads."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def prepare(self, body: Mapping[str, Any]) -> None:
        """Read an Experiment now if that takes long, so that neither `load` nor `readable` blocks."""
        if self._known(body) is None and is_large(body):
            async with self._lock.held_by(body["metadata"]["namespace"]):
                outcome = await asyncio.get_running_loop().run_in_executor(self._thread, _large_outcome_of, body)
            uid = body["metadata"]["uid"]
            self._outcomes.pop(uid, None)
            self._outcomes[uid] = outcome
            while len(self._outcomes) > MAX_KEPT:
                del self._outcomes[next(iter(self._outcomes))]

    def forget(self, body: Mapping[str, Any]) -> None:
        """Drop the outcome of a deleted Experiment."""
        self._outcomes.pop(body["metadata"]["uid"], None)

    def load(self, body: Mapping[str, Any]) -> Experiment:
        """Return an Experiment.

        Raises:
            InvalidExperiment: the manifest is invalid.
        """
        known = self._known(body)
        experiment = known.experiment if known is not None else _read(body)
        if isinstance(experiment, InvalidExperiment):
            raise experiment
        return experiment

    def readable(self, body: Mapping[str, Any]) -> ExperimentSpec | None:
        """Return the readable part of an invalid spec, see `readable_spec`."""
        known = self._known(body)
        return known.readable if known is not None else readable_spec(body)

    def _known(self, body: Mapping[str, Any]) -> _Outcome | None:
        kept = self._outcomes.get(body["metadata"]["uid"])
        return kept if kept is not None and kept.generation == body["metadata"]["generation"] else None


def _large_outcome_of(body: Mapping[str, Any]) -> _Outcome:
    experiment = _read(body)
    readable = readable_spec(body) if isinstance(experiment, InvalidExperiment) else None
    return _Outcome(body["metadata"]["generation"], experiment, readable)


def _read(body: Mapping[str, Any]) -> Experiment | InvalidExperiment:
    try:
        return load_experiment(body, stored=True)
    except InvalidExperiment as error:
        return InvalidExperiment(error.errors)  # without its traceback, whose frames hold the whole manifest
