"""The report of a benchmark: statistics, table, plots."""
