"""What training programs report: the grammar of a line, and what is kept of all lines; pure."""

from toprung.metrics.grammar import Grammar, grammar_for
from toprung.metrics.progress import StepCounter, observe, score
from toprung.metrics.status import progress_from_status, progress_to_status
from toprung.metrics.types import Crossing, Mean, Observation, Progress, Report

__all__ = [
    "Crossing",
    "Grammar",
    "Mean",
    "Observation",
    "Progress",
    "Report",
    "StepCounter",
    "grammar_for",
    "observe",
    "progress_from_status",
    "progress_to_status",
    "score",
]
