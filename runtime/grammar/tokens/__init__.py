"""The lift of a byte automaton to a vocabulary."""
