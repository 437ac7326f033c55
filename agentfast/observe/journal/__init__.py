"""A journal of runs in an SQLite file, from which interrupted runs go on."""
