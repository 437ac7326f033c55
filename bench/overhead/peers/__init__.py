"""One file per framework: the same agent on the same model, as that framework writes them. Each needs only its own package."""
