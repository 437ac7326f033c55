"""The model behind an OpenAI-compatible server."""
