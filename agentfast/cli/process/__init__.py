"""The process of a command: exit codes, its event loop, its streams."""
