"""The models an agent can speak to: the engine, a script, a recording. Import from the modules, or from agentfast."""
