"""Recorded instruction counts and cycles of named kernels; `make accept-baselines` records the present ones."""
