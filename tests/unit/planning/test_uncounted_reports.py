"""Messages and Events about reports that did not count."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from support.experiments import SPEC
from toprung.api.v1alpha1.conditions import Reason
from toprung.api.v1alpha1.experiment import ExperimentSpec
from toprung.api.v1alpha1.trial import TrialState
from toprung.cli.display.log_lines import ignored_line
from toprung.metrics import Progress
from toprung.metrics.types import Ignored, IgnoredReports
from toprung.objects.experiment import ExperimentRecord
from toprung.objects.pod import PodPhase, PodRecord
from toprung.objects.trial import TrialRecord
from toprung.planning.actions import EmitEvent
from toprung.planning.plan import make_plan
from toprung.planning.snapshot import Collected, Snapshot
from toprung.planning.uncounted_reports import ignored_reports, unread_lines

NOW = datetime(2026, 1, 1, tzinfo=UTC)
TRIAL = TrialRecord("team/exp", "uid", "exp-0", "uid-0", 0, {"x": 1}, NOW)
ONE = Progress(ignored={Ignored.NOT_A_NUMBER: IgnoredReports(1, "loss: 0,57")})
MORE = Progress(
    ignored={
        Ignored.NOT_A_NUMBER: IgnoredReports(2, "loss: 0,57"),
        Ignored.INVALID_STEP: IgnoredReports(1, "epoch: -1"),
    }
)


@pytest.mark.parametrize(
    ("progress", "message"),
    [
        pytest.param(Progress(), "", id="none"),
        pytest.param(ONE, "1 report did not count, because the value is not a number ('loss: 0,57')", id="one"),
        pytest.param(
            Progress(ignored={Ignored.OTHER_STEP: IgnoredReports(2, "step=100")}),
            "2 reports were counted as a line, because the step is not the resource of early stopping, or counts down "
            "(the first: 'step=100'). Print rising steps, named as spec.earlyStopping's resource",
            id="another-step",
        ),
        pytest.param(
            Progress(ignored={Ignored.SKIPPED: IgnoredReports(1, "a part of the log")}),
            "1 report did not count, because a part of a very long line or log is not read ('a part of the log'). "
            "Print fewer and shorter lines",
            id="skipped",
        ),
        pytest.param(
            MORE,
            "2 reports did not count, because the value is not a number (the first: 'loss: 0,57'); "
            "1 report did not count, because the step is not a number of 0 or more ('epoch: -1')",
            id="two-reasons",
        ),
    ],
)
def test_the_message_counts_reports_that_did_not_count(progress, message):
    """It has the reason and the correction."""
    assert ignored_reports(progress).startswith(message)
    assert ("spec.metrics.stdout" in ignored_reports(progress)) == bool("number" in message)


def test_unread_lines_are_quoted():
    """They are at the end of a message, one per line."""
    assert unread_lines(()) == ""
    assert unread_lines(("loss is 3", "loss?")).endswith("in a supported format:\nloss is 3\nloss?")


@pytest.mark.parametrize(
    ("old", "new", "warned"),
    [(Progress(), ONE, True), (None, ONE, True), (ONE, MORE, False), (None, Progress(), False)],
)
def test_only_the_first_uncounted_reports_of_a_trial_are_logged(old, new, warned):
    """Later ones cause no line."""
    before = None if old is None else replace(TRIAL, progress=old)
    assert (ignored_line(before, replace(TRIAL, progress=new)) is not None) == warned


@pytest.mark.parametrize(
    ("before", "emitted"), [pytest.param(Progress(), ["reports"], id="first"), pytest.param(ONE, [], id="known")]
)
def test_an_event_is_emitted_once(before, emitted):
    """The Warning precedes the write that first records such reports."""
    pod = PodRecord("team/exp", "uid-0", "exp-0-1", "pod", "exp-0", 1, PodPhase.RUNNING, NOW, started=NOW)
    snapshot = Snapshot(
        ExperimentRecord("team", "exp", "uid", 1, NOW, ExperimentSpec(**SPEC)),
        trials=(replace(TRIAL, state=TrialState.RUNNING, progress=before),),
        pods={"exp-0": (pod,)},
        collected={"pod": Collected(MORE)},
    )
    chains = make_plan(snapshot, NOW + timedelta(seconds=5)).chains
    events = [action for chain in chains for action in chain[:-1] if isinstance(action, EmitEvent)]
    assert [event.key for event in events if event.reason == Reason.REPORTS_IGNORED] == emitted
