"""Receivers of the events of runs: journals, logs and traces."""
