"""Tools for tests of agents: models that need no model, other parts for an agent, and a guard against real calls.

pytest finds the plugin by itself: the fixture `forbid_real_models`, the option `agentfast_forbid_real_models` of its
configuration, and the fixture `recorded`.
"""

from __future__ import annotations

from agentfast.models.guard import forbid_real_models
from agentfast.models.replay import RecordingModel, ReplayModel
from agentfast.models.scripted import ScriptedModel

__all__ = ["RecordingModel", "ReplayModel", "ScriptedModel", "forbid_real_models"]
