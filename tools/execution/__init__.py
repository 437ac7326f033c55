"""Parts of the executor: results as JSON, limits on calls at once, worker threads."""
