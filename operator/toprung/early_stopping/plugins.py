"""Loads custom rules from the entry point group `toprung.stoppers`.

A package declares an entry point, and `earlyStopping: {plugin: {name: mine, settings: {...}}}` selects it:

    [project.entry-points."toprung.stoppers"]
    mine = "my_package:make"

`make(settings, seed)` receives `settings` of the Experiment and the experiment's seed. It returns a
:class:`~toprung.early_stopping.types.Stopper` without records. It raises KeyError, TypeError or ValueError (pydantic's
errors are ValueErrors) where a setting is missing or invalid.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from toprung.api.plugins import PluginError, create_plugin
from toprung.api.v1alpha1.early_stopping import StopperPlugin
from toprung.early_stopping.types import Decision, RungResult, Stopper, Verdict
from toprung.errors import FieldError, InvalidExperiment

GROUP = "toprung.stoppers"
PATH = "spec.earlyStopping.plugin"


def plugin(configured: StopperPlugin, seed: int, *, checkpoint: bool) -> Stopper:
    """Build the rule that a plug-in provides.

    Raises:
        InvalidExperiment: it is not installed or can't be loaded, rejects its settings, needs a checkpoint, or fails.
    """
    name = configured.name
    try:
        stopper = PluginRule(name, create_plugin(GROUP, name, configured.settings, seed))
    except PluginError as error:
        raise invalid(error.field, str(error)) from error
    except Exception as error:
        raise _raised(name, "make", error) from error
    if not checkpoint and stopper.pauses:
        raise invalid("name", f"{name} pauses trials, which resume from checkpoints; set spec.checkpoint")
    return stopper


@dataclass(frozen=True, slots=True)
class PluginRule:
    """A custom rule, whose errors are reported as errors of the Experiment.

    Every member of :class:`~toprung.early_stopping.types.Stopper` raises InvalidExperiment where the rule fails or
    returns an invalid result.

    Attributes:
        name: of its entry point.
        rule: the object that the plug-in returned.
    """

    name: str
    rule: Stopper

    @property
    def pauses(self) -> bool:
        """Return the value of the rule."""
        with self._blamed("pauses"):
            return bool(self.rule.pauses)

    @property
    def compares_curves(self) -> bool:
        """Return the value of the rule."""
        with self._blamed("compares_curves"):
            return bool(self.rule.compares_curves)

    def bracket(self, index: int) -> int:
        """Return the value of the rule."""
        with self._blamed("bracket"):
            return int(self.rule.bracket(index))

    def levels(self, bracket: int) -> tuple[int, ...]:
        """Return the value of the rule."""
        with self._blamed("levels"):
            first, *others = self.rule.levels(bracket)
            return int(first), *map(int, others)

    def record(self, result: RungResult) -> None:
        """Notify the rule."""
        with self._blamed("record"):
            self.rule.record(result)

    def decide(self, result: RungResult) -> Verdict:
        """Return the rule's verdict."""
        with self._blamed("decide"):
            verdict = self.rule.decide(result)
        if not isinstance(verdict, Verdict) or not isinstance(verdict.outcome, Decision):
            raise self._useless("decide", verdict, "a Verdict with a Decision")
        return verdict

    def mark_continued(self, result: RungResult) -> None:
        """Notify the rule."""
        with self._blamed("mark_continued"):
            self.rule.mark_continued(result)

    def mark_finished(self, bracket: int, index: int) -> None:
        """Notify the rule."""
        with self._blamed("mark_finished"):
            self.rule.mark_finished(bracket, index)

    def next_promotion(self, *, idle_slot: bool = False) -> RungResult | None:
        """Return the rule's promotion."""
        with self._blamed("next_promotion"):
            promoted = self.rule.next_promotion(idle_slot=idle_slot)
        if promoted is not None and not isinstance(promoted, RungResult):
            raise self._useless("next_promotion", promoted, "a RungResult or None")
        return promoted

    @contextmanager
    def _blamed(self, member: str) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            raise _raised(self.name, member, error) from error

    def _useless(self, member: str, answer: object, wanted: str) -> InvalidExperiment:
        return invalid("name", f"{member} of rule {self.name} returned {answer!r}. It must return {wanted}.")


def _raised(name: str, member: str, error: Exception) -> InvalidExperiment:
    return invalid("name", f"the rule {name} raised {type(error).__name__} in {member}: {error}; fix its package")


def invalid(field: str, message: str) -> InvalidExperiment:
    """Return the error for a custom rule that is unusable."""
    return InvalidExperiment((FieldError(f"{PATH}.{field}", message),))
