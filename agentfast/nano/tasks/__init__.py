"""The task world: a shop on SQLite, its tools, and requests with known solutions to train and test on.

Beside the shop's tasks there are tasks for invented tools (of kind "random"), which a model can only do by reading the
declarations: `invented`.
"""

from __future__ import annotations

from agentfast.nano.world.database import Shop
from agentfast.nano.world.desks import DESKS, Desk, definitions, shop_tools
from agentfast.nano.world.episodes import MIX, Episode, EpisodeMaker, episodes
from agentfast.nano.world.scenarios import Kind
from agentfast.nano.world.splits import Split
from agentfast.nano.world.tasks import TASK_MIX, Task, generate_tasks, shared_tasks

__all__ = [
    "DESKS",
    "MIX",
    "TASK_MIX",
    "Desk",
    "Episode",
    "EpisodeMaker",
    "Kind",
    "Shop",
    "Split",
    "Task",
    "definitions",
    "episodes",
    "generate_tasks",
    "shared_tasks",
    "shop_tools",
]
