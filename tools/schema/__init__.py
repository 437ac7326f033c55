"""JSON Schemas of Python types, as strict as the types' own checks."""
