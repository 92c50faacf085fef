"""Collects reports: reads logs and updates the progress of a trial's attempt."""

from toprung.collectors.log_follower import LogFollower
from toprung.collectors.log_reader import LogReader

__all__ = ["LogFollower", "LogReader"]
