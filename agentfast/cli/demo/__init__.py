"""Dozens of agents over the task world at once on one engine: what `agentfast demo` runs, shows and counts."""
