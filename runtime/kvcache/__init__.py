"""Where keys and values live: blocks with reference counts, shared between prompts that begin alike."""
