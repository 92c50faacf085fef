"""Measurement of the lag of the event loop."""

import pytest

from toprung.controller.event_loop import INTERVAL, WINDOW, LoopMonitor


class Clock:
    """A clock that a test advances."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def measured(lags):
    """Return a monitor, its clock and its reports, after intervals with these lags."""
    clock, reported = Clock(), []
    monitor = LoopMonitor(reported.append, clock)
    for lag in lags:
        monitor.start()
        clock.now += INTERVAL + lag
        monitor.measure()
    return monitor, clock, reported


def test_each_lag_is_reported():
    """A lag is the time between the scheduled and the actual run of the loop."""
    assert measured([0.0, 0.2, 0.05])[2] == pytest.approx([0.0, 0.2, 0.05])


@pytest.mark.parametrize(
    ("passed", "longest"),
    [
        pytest.param(0.0, 0.4, id="the longest of the last minute"),
        pytest.param(WINDOW - 1, 0.4, id="still within the minute"),
        pytest.param(WINDOW + 1, 0.1, id="older ones are dropped"),
    ],
)
def test_the_monitor_keeps_the_longest_lag_of_the_last_minute(passed, longest):
    """Older lags do not show the current state."""
    monitor, clock, _ = measured([0.2, 0.4, 0.1])
    clock.now += passed
    monitor.start()
    clock.now += INTERVAL + 0.1
    monitor.measure()
    assert monitor.longest() == pytest.approx(longest)


def test_other_threads_see_a_block_that_has_not_ended():
    """The blocked loop itself cannot report it."""
    monitor, clock, _ = measured([0.1])
    monitor.start()
    clock.now += INTERVAL + 7.0
    assert monitor.current() == pytest.approx(7.0)
    assert monitor.longest() == pytest.approx(7.0)


def test_a_monitor_that_has_not_started_reports_no_lag():
    """Probes are served before the measurement starts."""
    monitor = LoopMonitor(clock=Clock())
    assert (monitor.current(), monitor.longest()) == (0.0, 0.0)
