"""The `agentfast` command. `main.py` parses and dispatches; each command has a file and is imported when it is used."""
