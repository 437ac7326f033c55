"""Random chains of invented tools for training: look-ups, then actions on the rows found.

A thing is found by values in the request, by a value of another thing, or as a row of a list. Names of arguments
and fields are different throughout a chain, unless one is copied to the other, so that the declarations tell which value
belongs where. Look-ups come as early as they can; actions wait until all look-ups are done.
"""

from __future__ import annotations

from agentfast.nano.tasks.invented.chains.compose import make_chain

__all__ = ["make_chain"]
