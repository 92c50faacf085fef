"""Simulates experiments in virtual time over recorded learning curves, with the operator's planner and search."""
