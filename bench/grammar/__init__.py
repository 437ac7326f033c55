"""Benchmarks of the grammar compiler and of constrained steps."""
