"""The recipe that trains the embedded model. It is not part of the wheel."""
