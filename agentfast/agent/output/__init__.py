"""The output type of an agent, and validators of its values."""
