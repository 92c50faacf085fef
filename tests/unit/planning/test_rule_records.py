"""Check which records of a rule serve the next plan."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from toprung.api.v1alpha1.early_stopping import AshaSettings
from toprung.api.v1alpha1.trial import TrialState
from toprung.early_stopping.asha import PromotionAsha
from toprung.objects.trial import RungRecord, RungVerdict, TrialRecord
from toprung.planning.rule_records import RuleRecords

NOW = datetime(2026, 1, 1, tzinfo=UTC)
PAUSED = RungRecord(1, 0.5, RungVerdict.PAUSE, NOW)
WAITING = TrialRecord("team/exp", "uid", "exp-0", "uid-0", 0, {}, NOW, state=TrialState.PAUSED, rungs=(PAUSED,))
ENDED = replace(WAITING, index=1, state=TrialState.STOPPED, rungs=())
ABSENT = (range(2, 3),)


def with_rung(**changes):
    return replace(WAITING, rungs=(replace(PAUSED, **changes),))


@pytest.mark.parametrize(
    ("trials", "absent", "serves"),
    [
        pytest.param([WAITING, ENDED], ABSENT, True, id="same"),
        pytest.param([WAITING, ENDED, replace(WAITING, index=3)], ABSENT, True, id="new-trial"),
        pytest.param([with_rung(verdict=RungVerdict.PROMOTE), ENDED], ABSENT, True, id="promoted"),
        pytest.param([with_rung(time=NOW.replace(hour=1)), ENDED], ABSENT, True, id="other-time"),
        pytest.param([with_rung(verdict=RungVerdict.CONTINUE), ENDED], ABSENT, False, id="other-verdict"),
        pytest.param([with_rung(value=0.6), ENDED], ABSENT, False, id="other-value"),
        pytest.param([replace(WAITING, rungs=()), ENDED], ABSENT, False, id="rung-was-not-written"),
        pytest.param([WAITING, replace(ENDED, state=TrialState.RUNNING)], ABSENT, False, id="end-was-not-written"),
        pytest.param([WAITING], ABSENT, False, id="deleted-trial"),
        pytest.param([WAITING, ENDED], (), False, id="other-absent-indices"),
    ],
)
def test_records_serve_trials_that_have_all_of_them(trials, absent, serves):
    """Each record of the rule must be of one of the trials; the trials may have further records."""
    records = RuleRecords(PromotionAsha(AshaSettings(max_resource=9), 0), maximize=True, absent=ABSENT)
    records.add_all([WAITING, ENDED])
    assert records.serves(trials, absent) is serves


def test_a_rule_that_knows_more_than_the_records_serves_one_plan():
    """A candidate that was skipped in one plan is a candidate again in the next."""
    records = RuleRecords(PromotionAsha(AshaSettings(max_resource=9), 0), maximize=True, exact=False)
    assert not records.serves([], ())
