"""How the lag of the event loop is measured."""

import pytest

from toprung.controller.event_loop import INTERVAL, WINDOW, LoopMonitor


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def measured(lags):
    """Return a monitor, its clock and what it reported, after intervals with these lags."""
    clock, reported = Clock(), []
    monitor = LoopMonitor(reported.append, clock)
    for lag in lags:
        monitor.start()
        clock.now += INTERVAL + lag
        monitor.measure()
    return monitor, clock, reported


def test_each_lag_is_reported():
    """A lag is the time between when the loop should have run and when it did."""
    assert measured([0.0, 0.2, 0.05])[2] == pytest.approx([0.0, 0.2, 0.05])


@pytest.mark.parametrize(
    ("passed", "longest"),
    [
        pytest.param(0.0, 0.4, id="the longest of the last minute"),
        pytest.param(WINDOW - 1, 0.4, id="still within the minute"),
        pytest.param(WINDOW + 1, 0.1, id="older ones are dropped"),
    ],
)
def test_the_longest_lag_of_the_last_minute(passed, longest):
    """A block of an hour ago says nothing about now."""
    monitor, clock, _ = measured([0.2, 0.4, 0.1])
    clock.now += passed
    monitor.start()
    clock.now += INTERVAL + 0.1
    monitor.measure()
    assert monitor.longest() == pytest.approx(longest)


def test_a_block_that_still_lasts_is_seen_from_other_threads():
    """The loop itself can't report it before it ends."""
    monitor, clock, _ = measured([0.1])
    monitor.start()
    clock.now += INTERVAL + 7.0
    assert monitor.current() == pytest.approx(7.0)
    assert monitor.longest() == pytest.approx(7.0)


def test_a_monitor_that_has_not_started_reports_no_lag():
    """The probes are served before the loop is measured."""
    monitor = LoopMonitor(clock=Clock())
    assert (monitor.current(), monitor.longest()) == (0.0, 0.0)
