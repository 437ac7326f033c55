"""Held-out tasks: requests to the shop and to invented tools, each with its tools and a check of the result.

Tasks of kind "random" are for invented tools (`invented`), which a model can only do by reading their declarations.
"""

from __future__ import annotations

from agentfast.nano.tasks.generate import TASK_MIX, generate_tasks, shared_tasks
from agentfast.nano.tasks.scenarios import Kind
from agentfast.nano.tasks.task import Task

__all__ = ["TASK_MIX", "Kind", "Task", "generate_tasks", "shared_tasks"]
