"""The scheduler: which rows run in the next forward pass."""
