"""Compiled loops of the lift."""
