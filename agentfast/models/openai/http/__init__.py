"""JSON over HTTP by the `openai` package: connections, retries, streams, and failures as typed errors."""
