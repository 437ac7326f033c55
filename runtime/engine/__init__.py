"""The engine: requests in, completions out, one step thread."""
