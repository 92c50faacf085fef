"""Reads stored Experiments without blocking the event loop."""

import asyncio
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from toprung.api.errors import InvalidExperiment
from toprung.api.load import Experiment, is_large, load_experiment

MAX_KEPT = 256
"""Outcomes of large Experiments that are kept."""


class Validator:
    """Reads a large Experiment once for each generation, in a single thread; a small one whenever asked.

    One thread, because the event loop waits for each thread that computes, some milliseconds in turn.
    """

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="validation")
        self._outcomes: dict[str, tuple[int, Experiment | InvalidExperiment]] = {}

    def close(self) -> None:
        """End the thread after the Experiment that it reads."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def prepare(self, body: Mapping[str, Any]) -> None:
        """Read an Experiment now if that takes long, so that `load` does not block."""
        uid, generation = _version(body)
        if self._known(uid, generation) is None and is_large(body):
            loop = asyncio.get_running_loop()
            outcome = await loop.run_in_executor(self._thread, _outcome_of, body)
            self._outcomes.pop(uid, None)
            self._outcomes[uid] = generation, outcome
            while len(self._outcomes) > MAX_KEPT:
                del self._outcomes[next(iter(self._outcomes))]

    def load(self, body: Mapping[str, Any]) -> Experiment:
        """Return an Experiment.

        Raises:
            InvalidExperiment: it breaks the rules.
        """
        outcome = self._known(*_version(body)) or _outcome_of(body)
        if isinstance(outcome, InvalidExperiment):
            raise outcome
        return outcome

    def _known(self, uid: str, generation: int) -> Experiment | InvalidExperiment | None:
        kept = self._outcomes.get(uid)
        return kept[1] if kept is not None and kept[0] == generation else None


def _outcome_of(body: Mapping[str, Any]) -> Experiment | InvalidExperiment:
    try:
        return load_experiment(body, stored=True)
    except InvalidExperiment as error:
        return error


def _version(body: Mapping[str, Any]) -> tuple[str, int]:
    return body["metadata"]["uid"], body["metadata"]["generation"]
