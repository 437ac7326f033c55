"""The agent: its loop, its limits, its events and its results."""
