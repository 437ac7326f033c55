"""Compiled loops of the posterior."""
