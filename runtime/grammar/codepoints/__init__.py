"""Sets and automata of code points."""
