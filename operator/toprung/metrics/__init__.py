"""Parses the reports of training programs and counts them in the progress of a trial; pure functions."""

from toprung.metrics.counting import count, start_attempt
from toprung.metrics.line_format import LineFormat, LineParser, line_format_for
from toprung.metrics.progress import join, observe, score
from toprung.metrics.status import progress_from_status, progress_to_status
from toprung.metrics.types import Crossing, Mean, Observation, Position, Progress, Report, Tracking

__all__ = [
    "Crossing",
    "LineFormat",
    "LineParser",
    "Mean",
    "Observation",
    "Position",
    "Progress",
    "Report",
    "Tracking",
    "count",
    "join",
    "line_format_for",
    "observe",
    "progress_from_status",
    "progress_to_status",
    "score",
    "start_attempt",
]
