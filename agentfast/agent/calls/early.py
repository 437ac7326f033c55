"""Early calls: tools without effects, started while the model's turn is still being denoised."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import anyio

from agentfast.messages import ToolCall
from agentfast.tools.call import ToolResult
from agentfast.tools.definition import Tool
from agentfast.tools.executor import Executor


class EarlyCalls:
    """The calls of one turn that were started before it was complete.

    Nobody sees one that the complete turn does not ask for: it is cancelled, and its result thrown away.
    """

    def __init__(self, executor: Executor) -> None:
        """Take the executor of the tools."""
        self._executor = executor
        self._tasks: dict[str, list[asyncio.Task[ToolResult]]] = {}

    def begin(self, calls: Sequence[ToolCall]) -> None:
        """Start those of the calls that may be, unless they were started already."""
        wanted: dict[str, int] = {}
        for call in calls:
            tool = self._executor.registry.get(call.name)
            if tool is None or not may_begin_early(tool):
                continue
            key = _key(call)
            wanted[key] = wanted.get(key, 0) + 1
            begun = self._tasks.setdefault(key, [])
            if len(begun) < wanted[key]:
                begun.append(asyncio.create_task(self._executor.run(call)))

    async def result(self, call: ToolCall) -> ToolResult | None:
        """The result of a call of the complete turn, once it is there; None if it was not started."""
        if not self._tasks or not (begun := self._tasks.get(_key(call))):
            return None
        task = begun.pop()
        try:
            result = await task
        except asyncio.CancelledError:
            task.cancel()
            raise
        return replace(result, call_id=call.id)

    async def discard(self) -> None:
        """Cancel what the complete turn does not ask for, and wait for its end."""
        left = [task for begun in self._tasks.values() for task in begun]
        self._tasks.clear()
        if not left:
            return
        for task in left:
            task.cancel()
        with anyio.CancelScope(shield=True):
            await asyncio.wait(left)


def may_begin_early(tool: Tool[Any]) -> bool:
    """True if a call of the tool that turns out not to be asked for would go unnoticed."""
    return tool.pure and not tool.takes_context and tool.requires_approval is False


def _key(call: ToolCall) -> str:
    return f"{call.name} {json.dumps(call.arguments, sort_keys=True)}"
