"""Random chains of invented tools for training: look-ups, then actions on the rows found.

A thing is found by what the request says of it, by a value of another thing, or as a row of a list. Names of arguments
and fields are different throughout a chain, unless one is copied to the other, so that the declarations tell which value
belongs where. What is only read is read as soon as it can be; what is done waits until all of that is read.
"""

from __future__ import annotations

from agentfast.nano.tasks.invented.chains.compose import make_chain

__all__ = ["make_chain"]
