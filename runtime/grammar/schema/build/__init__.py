"""Automaton expressions built from normalised assertions."""
