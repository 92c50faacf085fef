"""Progress in the status of a Trial."""

import json
from datetime import UTC, datetime, timedelta, timezone
from math import inf, nan

import pytest

from toprung.api.v1alpha1.trial import TrialStatus
from toprung.metrics import Mean, Observation, Progress, progress_from_status, progress_to_status
from toprung.metrics.types import Reading
from toprung.timestamps import micro_timestamp

TIME = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)


def test_progress_is_written_with_the_names_of_the_api():
    """Non-finite values are marked."""
    best = Observation(1, 0.5, TIME, {"loss": inf})
    progress = Progress(latest=Observation(2, nan, TIME), best=best, curve=((1, 0.5), (2, nan)), mean=Mean(1, 0.5))
    status = progress_to_status(progress)
    assert status == {
        "latest": {
            "step": 2,
            "value": None,
            "displayValue": None,
            "finite": False,
            "time": "2026-01-02T03:04:05.678901Z",
            "metrics": {},
        },
        "best": {
            "step": 1,
            "value": 0.5,
            "displayValue": "0.5",
            "finite": True,
            "time": "2026-01-02T03:04:05.678901Z",
            "metrics": {"loss": None},
        },
        "mean": {"count": 1, "value": 0.5},
        "curve": [[1, 0.5], [2, None]],
    }
    TrialStatus.model_validate_json(json.dumps(status, allow_nan=False))


@pytest.mark.parametrize(
    "progress",
    [
        pytest.param(Progress(), id="nothing"),
        pytest.param(Progress(Observation(2, nan, TIME), None, ((1, inf), (2, nan))), id="never-finite"),
        pytest.param(
            Progress(Observation(2, 0.5, TIME), Observation(1, 0.7, TIME, {"a": nan}), ((1, 0.7), (2, 0.5))), id="all"
        ),
        pytest.param(Progress(Observation(9, 0.5, TIME), reading=Reading(), excess=2), id="trains-on"),
    ],
)
def test_progress_is_read_back(progress):
    """No value changes, and times are exact to the microsecond."""
    status = progress_to_status(progress)
    read = progress_from_status(json.loads(json.dumps(status)))
    assert progress_to_status(read) == status
    assert read.excess == progress.excess


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        pytest.param(0.9123456789012345, "0.912346", id="many-digits"),
        pytest.param(0.9, "0.9", id="few"),
        pytest.param(-3.0, "-3", id="whole"),
        pytest.param(1.23456789e-12, "1.23457e-12", id="small"),
        pytest.param(nan, None, id="not-finite"),
    ],
)
def test_a_column_shows_six_digits(value, shown):
    """The exact value is stored beside it, and is the one that is read."""
    status = progress_to_status(Progress(Observation(2, value, TIME)))
    assert status["latest"]["displayValue"] == shown
    assert repr(progress_from_status(status).latest.value) == repr(value)


@pytest.mark.parametrize(
    ("time", "text"),
    [
        pytest.param(TIME, "2026-01-02T03:04:05.678901Z", id="utc"),
        pytest.param(TIME.replace(microsecond=0), "2026-01-02T03:04:05.000000Z", id="whole-second"),
        pytest.param(TIME.astimezone(timezone(timedelta(hours=8))), "2026-01-02T03:04:05.678901Z", id="another-zone"),
    ],
)
def test_times_are_utc_with_microseconds(time, text):
    """They end with Z."""
    assert micro_timestamp(time) == text
