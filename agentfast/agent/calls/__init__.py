"""Decisions on the calls a model asks for: escalation, doubt, approval."""
