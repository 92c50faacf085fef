"""What became of a plan: what was refused, and what its status must not tell as done."""

from dataclasses import dataclass

from toprung.api.conditions import Reason
from toprung.api.errors import ClusterError, Forbidden, Rejected
from toprung.planning.actions import Action, Announce, Chain, CreatePod, CreateTrial, DeletePod, StopPod, WriteTrial
from toprung.planning.records import Setback, Trouble


@dataclass(frozen=True, slots=True)
class Failure:
    """An action that ended its chain."""

    chain: Chain
    action: Action
    error: ClusterError

    @property
    def lasts(self) -> bool:
        """Whether trying it again at once would be in vain."""
        return isinstance(self.error, Forbidden | Rejected)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of the chains.

    Attributes:
        trouble: why Pods can't be made, None if they can.
        failures: what else went wrong, in the order of the chains.
    """

    trouble: Trouble | None
    failures: tuple[Failure, ...]

    @property
    def setback(self) -> Setback | None:
        """What the status must not tell as done, and the first reason that lasts."""
        if not self.failures:
            return None
        written = (action for failure in self.failures for action in failure.chain if isinstance(action, WriteTrial))
        lasting = next((failure for failure in self.failures if failure.lasts), None)
        trouble = trouble_of(lasting.action, lasting.error) if lasting is not None else None
        return Setback(frozenset(action.trial.index for action in written), trouble)

    def raise_passing(self) -> None:
        """Raise the first error after which the pass is simply made again.

        Raises:
            ClusterError: there is one.
        """
        for failure in self.failures:
            if not failure.lasts:
                raise failure.error


def trouble_of(action: Action, error: ClusterError) -> Trouble:
    """Say why an action was refused, in the API server's words."""
    if isinstance(error, Rejected):
        return Trouble(Reason.REJECTED, f"the API server refuses {_what(action)}: {error}")
    reason = Reason.QUOTA_EXCEEDED if "exceeded quota" in str(error) else Reason.FORBIDDEN
    return Trouble(reason, str(error))


def _what(action: Action) -> str:
    match action:
        case CreateTrial():
            return "the Trial"
        case CreatePod():
            return "the trial's Pod"
        case WriteTrial(trial):
            return f"the status of Trial {trial.name}"
        case StopPod(name) | DeletePod(name):
            return f"the end of Pod {name}"
        case Announce():
            return "the Event"
