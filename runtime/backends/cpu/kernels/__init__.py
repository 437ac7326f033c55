"""Compiled loops of the CPU forward pass."""
