"""Checks of an agent's definition and of a run's arguments, before anything starts."""
