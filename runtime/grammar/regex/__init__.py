"""Regular expressions: parser, NFA, DFA."""
