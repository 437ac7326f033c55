"""The training corpus: episodes of the shop and of invented tools."""
