"""Experiments in virtual time over recorded learning curves, by the operator's own planner, search and stopping."""
