"""A Triton backend by the name of cpu, for runs with TRITON_INTERPRET=1: nothing is ever compiled by it."""
