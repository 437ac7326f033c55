"""Lift of byte automata to the tokens of a vocabulary; string bodies and shared rules are lifted once for all."""
