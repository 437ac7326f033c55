"""The assertions of a schema, normalised by type of value."""
