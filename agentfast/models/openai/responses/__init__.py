"""The format of the responses API: requests, answers, and streams put together to answers."""
