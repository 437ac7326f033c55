"""Automata of JSON numbers within bounds and multiples."""
