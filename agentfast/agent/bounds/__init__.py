"""Bounds of a run: its budgets, and calls that repeat."""
