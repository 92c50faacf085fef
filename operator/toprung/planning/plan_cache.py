"""Keeps results of one plan for the next plan of the same experiment."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from toprung.early_stopping import Stopper
from toprung.planning.rule_records import RuleRecords
from toprung.planning.snapshot import Snapshot
from toprung.planning.transitions import TrialTransition


@dataclass(slots=True)
class PlanCache:
    """Results of the last plan of one experiment.

    A plan is the same with and without it, because a result is reused only where its input is the same.

    Attributes:
        transitions: index of a trial -> its transition, if only another trial, Pod or report changes it.
    """

    transitions: Mapping[int, TrialTransition] = field(default_factory=dict)
    _records: RuleRecords | None = None
    _input: tuple[object, ...] = ()

    def begin(self, snapshot: Snapshot) -> None:
        """Drop all results if the input that all depend on has changed."""
        shared = snapshot.experiment.uid, snapshot.experiment.spec, snapshot.models
        if shared != self._input:
            self.transitions, self._records, self._input = {}, None, shared

    def take_records(self, rule: Stopper, snapshot: Snapshot, absent: tuple[range, ...]) -> RuleRecords:
        """Return the rule with the records of earlier plans; `rule` without records if those do not serve.

        The plan changes them, so they are not kept before :meth:`keep_records`: an error leaves none.
        """
        records, self._records = self._records, None
        if records is not None and records.serves(snapshot.trials, absent):
            return records
        return RuleRecords(rule, snapshot.experiment.spec.primary_objective.type == "maximize", absent)

    def keep_records(self, records: RuleRecords) -> None:
        """Keep the rule with the records of this plan."""
        self._records = records
