"""Tools of OpenAPI documents: one for each operation."""
