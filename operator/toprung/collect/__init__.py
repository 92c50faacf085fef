"""Where reports come from: bytes of the world in, progress of a trial's attempt out."""

from toprung.collect.follower import Follower
from toprung.collect.reader import LogReader

__all__ = ["Follower", "LogReader"]
