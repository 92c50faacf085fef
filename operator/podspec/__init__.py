"""Kubernetes' rules for Pods: the types and the values that an API server accepts in a new Pod.

TopRung validates Pod templates with it, and the embedded cluster validates Pods. It depends on neither.
"""
