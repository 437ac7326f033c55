"""Chat formats: how messages and tool declarations become tokens, and tokens become a message again."""
