"""Random compositions of all requests and actions of the shop, for training only.

Every argument of every call may stand in the request or be looked up, so earlier requests are no guide to an argument's source.
"""

from __future__ import annotations

from agentfast.nano.training.corpus.composed.composer import Composition, compose

__all__ = ["Composition", "compose"]
