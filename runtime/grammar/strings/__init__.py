"""String languages: formats, lengths, UTF-8 and JSON escapes."""
