"""Invented tools: made-up names, arguments and results, so that a model has to read the declarations.

Tasks ask for one call, for two at once, for a chain, or for something that no tool can do (`tasks`). Chains of tests are a look-up
whose value an action takes; of those for training most are composed at random (`chains`).
"""
