"""Where reports come from: bytes of the world in, progress of a trial's attempt out."""

from toprung.collectors.log_follower import LogFollower
from toprung.collectors.log_reader import LogReader

__all__ = ["LogFollower", "LogReader"]
