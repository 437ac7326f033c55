"""The byte automaton, explored lazily."""
