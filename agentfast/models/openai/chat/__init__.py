"""The format of the chat completions API: requests, answers, and streams put together to answers."""
