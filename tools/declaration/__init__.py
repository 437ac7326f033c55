"""Declarations of tools: names, options, and what a function's signature and docstring say."""
