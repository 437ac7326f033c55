"""Invented tools: made-up names, arguments and results, so that a model has to read the declarations."""
