"""Requests composed at random of all that can be said and done in the shop: to learn from only.

Every argument of every call may stand in the request or be looked up, so what fed which argument last time is no guide.
"""

from __future__ import annotations

from agentfast.nano.training.corpus.composed.composer import Composition, compose

__all__ = ["Composition", "compose"]
