"""The model that generates on an engine in this process."""
