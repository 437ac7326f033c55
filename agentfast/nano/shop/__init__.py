"""The shop: a SQLite database, its tools and the values in it."""
