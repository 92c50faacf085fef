"""Drives the schedulers of other packages over recorded curves, with one event simulation.

Each scheduler is called through its own interface, with the same configurations in the same order. Packages that are
not installed are left out, with a message.
"""

import heapq
import logging
import os
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from math import inf
from types import SimpleNamespace
from typing import Any, Protocol

from toprung.simulate.learning_curves import Table

logging.getLogger("syne_tune").setLevel(logging.ERROR)
os.environ.setdefault("RAY_DEDUP_LOGS", "0")


@dataclass(frozen=True, slots=True)
class Race:
    """The result of one run: (seconds, value) of each new incumbent, trained steps, started trials, and the end."""

    incumbents: tuple[tuple[float, float], ...]
    steps: int
    starts: int
    seconds: float

    def time_to(self, target: float) -> float:
        """Return the seconds until an incumbent reaches the target; infinite if none does."""
        return next((time for time, value in self.incumbents if value >= target), inf)


class Scheduler(Protocol):
    """The interface that the simulation needs; larger values are better."""

    def add(self, index: int) -> None:
        """Record a new trial."""

    def continues(self, index: int, step: int, value: float) -> bool:
        """Return whether a trial continues after a step."""

    def complete(self, index: int, step: int, value: float) -> None:
        """Record that a trial has trained its last step."""


@dataclass(slots=True)
class _Running:
    index: int
    row: int
    step: int = 0


def drive(
    scheduler: Scheduler, table: Table, order: tuple[int, ...], *, workers: int, start_cost: float, target: float = inf
) -> Race:
    """Run every configuration of `order`, or until an incumbent reaches the target."""
    heap: list[tuple[float, int, _Running]] = []
    incumbents: list[tuple[float, float]] = []
    now, fresh, ticket, steps = 0.0, 0, 0, 0

    def push(running: _Running, moment: float) -> None:
        nonlocal ticket
        heapq.heappush(heap, (moment + table.curves[running.row].seconds[running.step], ticket, running))
        ticket += 1

    def start() -> None:
        nonlocal fresh
        if fresh < len(order):
            scheduler.add(fresh)
            push(_Running(fresh, order[fresh]), now + start_cost)
            fresh += 1

    for _ in range(workers):
        start()
    while heap:
        now, _, running = heapq.heappop(heap)
        value = table.curves[running.row].values[running.step]
        running.step += 1
        steps += 1
        if value > (incumbents[-1][1] if incumbents else -inf):
            incumbents.append((now, value))
            if value >= target:
                break
        over = running.step == len(table.curves[running.row].values)
        if over:
            scheduler.complete(running.index, running.step, value)
            start()
        elif scheduler.continues(running.index, running.step, value):
            push(running, now)
        else:
            start()
    return Race(tuple(incumbents), steps, fresh, now)


class NoStopping:
    """Trains every configuration to the end."""

    def add(self, index: int) -> None:
        """Do nothing."""

    def continues(self, index: int, step: int, value: float) -> bool:  # noqa: ARG002 - the protocol's
        """Return True."""
        return True

    def complete(self, index: int, step: int, value: float) -> None:
        """Do nothing."""


@dataclass(slots=True)
class Oracle:
    """Stops all curves that do not reach the target after their first step: a bound for every rule."""

    table: Table
    order: tuple[int, ...]
    target: float

    def add(self, index: int) -> None:
        """Do nothing."""

    def continues(self, index: int, step: int, value: float) -> bool:  # noqa: ARG002 - the protocol's
        """Return whether the rest of the curve reaches the target."""
        return max(self.table.curves[self.order[index]].values) >= self.target

    def complete(self, index: int, step: int, value: float) -> None:
        """Do nothing."""


@dataclass(eq=False, slots=True)
class _Trial:
    """The identity of a trial; `config` is the one parameter that Syne Tune requires."""

    trial_id: Any
    config: Mapping[str, float]


@dataclass(slots=True)
class _Ray:
    """A scheduler of Ray Tune. Its controller has no waiting trials, so it never pauses one for another."""

    scheduler: Any
    controller: Any = field(default_factory=lambda: SimpleNamespace(get_live_trials=tuple))
    trials: dict[int, Any] = field(default_factory=dict)

    def add(self, index: int) -> None:
        trial = self.trials[index] = _Trial(str(index), {})
        self.scheduler.on_trial_add(self.controller, trial)

    def continues(self, index: int, step: int, value: float) -> bool:
        result = {"training_iteration": step, "time_total_s": step, "value": value}
        return bool(self.scheduler.on_trial_result(self.controller, self.trials[index], result) == "CONTINUE")

    def complete(self, index: int, step: int, value: float) -> None:
        result = {"training_iteration": step, "time_total_s": step, "value": value}
        self.scheduler.on_trial_complete(self.controller, self.trials[index], result)


@dataclass(slots=True)
class _SyneTune:
    """A scheduler of Syne Tune."""

    scheduler: Any
    trials: dict[int, Any] = field(default_factory=dict)

    def add(self, index: int) -> None:
        trial = self.trials[index] = _Trial(index, {"x": 0.5})
        self.scheduler.on_trial_add(trial)

    def continues(self, index: int, step: int, value: float) -> bool:
        decision = self.scheduler.on_trial_result(self.trials[index], {"value": value, "epoch": step})
        return bool(decision == "CONTINUE")

    def complete(self, index: int, step: int, value: float) -> None:
        self.scheduler.on_trial_complete(self.trials[index], {"value": value, "epoch": step})


@dataclass(slots=True)
class _Optuna:
    """A pruner of Optuna, called at every step as in its documentation."""

    study: Any
    trials: dict[int, Any] = field(default_factory=dict)

    def add(self, index: int) -> None:
        self.trials[index] = self.study.ask()

    def continues(self, index: int, step: int, value: float) -> bool:
        from optuna.trial import TrialState  # noqa: PLC0415 - optional

        trial = self.trials[index]
        trial.report(value, step)
        if trial.should_prune():
            self.study.tell(trial, state=TrialState.PRUNED)
            return False
        return True

    def complete(self, index: int, step: int, value: float) -> None:
        self.trials[index].report(value, step)
        self.study.tell(self.trials[index], value)


def _ray_asha(seed: int, last: int) -> Scheduler:
    import numpy as np  # noqa: PLC0415
    from ray.tune.schedulers import ASHAScheduler  # noqa: PLC0415

    np.random.seed(seed)  # noqa: NPY002 - Ray draws its brackets from the global generator
    return _Ray(ASHAScheduler(metric="value", mode="max", max_t=last, grace_period=1, reduction_factor=3))


def _ray_brackets(seed: int, last: int) -> Scheduler:
    import numpy as np  # noqa: PLC0415
    from ray.tune.schedulers import ASHAScheduler  # noqa: PLC0415

    np.random.seed(seed)  # noqa: NPY002 - as in _ray_asha
    return _Ray(ASHAScheduler(metric="value", mode="max", max_t=last, grace_period=1, reduction_factor=3, brackets=3))


def _ray_median(seed: int, last: int) -> Scheduler:  # noqa: ARG001 - it has no randomness
    from ray.tune.schedulers import MedianStoppingRule  # noqa: PLC0415

    return _Ray(MedianStoppingRule(time_attr="training_iteration", metric="value", mode="max", grace_period=1))


def _syne_asha(seed: int, last: int) -> Scheduler:
    from syne_tune.config_space import uniform  # noqa: PLC0415
    from syne_tune.optimizer.schedulers.asha import AsynchronousSuccessiveHalving  # noqa: PLC0415

    space = {"x": uniform(0, 1)}
    return _SyneTune(
        AsynchronousSuccessiveHalving(
            space, "value", do_minimize=False, time_attr="epoch", max_t=last, random_seed=seed, reduction_factor=3
        )
    )


def _syne_median(seed: int, last: int) -> Scheduler:  # noqa: ARG001 - it has no last step
    from syne_tune.config_space import uniform  # noqa: PLC0415
    from syne_tune.optimizer.schedulers.median_stopping_rule import MedianStoppingRule  # noqa: PLC0415
    from syne_tune.optimizer.schedulers.single_objective_scheduler import SingleObjectiveScheduler  # noqa: PLC0415

    plain = SingleObjectiveScheduler({"x": uniform(0, 1)}, "value", do_minimize=False, random_seed=seed)
    return _SyneTune(MedianStoppingRule(plain, "epoch", metric="value", random_seed=seed, do_minimize=False))


def _optuna(pruner: Callable[[int], Any]) -> Callable[[int, int], Scheduler]:
    def create(seed: int, last: int) -> Scheduler:
        import optuna  # noqa: PLC0415

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        warnings.simplefilter("ignore")
        study = optuna.create_study(
            study_name=f"study-{seed}",
            direction="maximize",
            pruner=pruner(last),
            sampler=optuna.samplers.RandomSampler(seed=seed),
        )
        return _Optuna(study)

    return create


def _halving(last: int) -> Any:  # noqa: ARG001 - it has no last rung
    from optuna.pruners import SuccessiveHalvingPruner  # noqa: PLC0415

    return SuccessiveHalvingPruner(min_resource=1, reduction_factor=3)


def _hyperband(last: int) -> Any:
    from optuna.pruners import HyperbandPruner  # noqa: PLC0415

    return HyperbandPruner(min_resource=1, max_resource=last, reduction_factor=3)


def _median(last: int) -> Any:  # noqa: ARG001 - it needs none
    from optuna.pruners import MedianPruner  # noqa: PLC0415

    return MedianPruner()


@dataclass(frozen=True, slots=True)
class Peer:
    """A scheduler: the module that it needs, and a function that creates it from (seed, last step)."""

    module: str
    create: Callable[[int, int], Scheduler]


PEERS: Mapping[str, Peer] = {
    "random, no stopping": Peer("toprung", lambda _seed, _last: NoStopping()),
    "ray asha": Peer("ray.tune", _ray_asha),
    "ray asha 3 brackets": Peer("ray.tune", _ray_brackets),
    "ray median": Peer("ray.tune", _ray_median),
    "syne-tune asha": Peer("syne_tune", _syne_asha),
    "syne-tune median": Peer("syne_tune", _syne_median),
    "optuna halving": Peer("optuna", _optuna(_halving)),
    "optuna hyperband": Peer("optuna", _optuna(_hyperband)),
    "optuna median": Peer("optuna", _optuna(_median)),
}


def installed() -> dict[str, Peer]:
    """Return the peers that are installed; print which are not."""
    found = {}
    for name, peer in PEERS.items():
        if find_spec(peer.module.partition(".")[0]) is None:
            print(f"left out: {name}: {peer.module.partition('.')[0]} is not installed")
        else:
            found[name] = peer
    return found
