"""Grammars of turns: built once for the same tools and schema, beside the event loop."""

from __future__ import annotations

import asyncio
import json
from collections import OrderedDict
from collections.abc import Hashable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from agentfast.chat.base import ChatFormat, TurnRules
from agentfast.models.base import ModelRequest
from agentfast.runtime.grammar import Grammar

V = TypeVar("V")

_KEPT = 256


class GrammarCache:
    """The grammar of each request. Any number of event loops may share it.

    Grammars are found by the identity of tools and schema, which all requests of an agent have in common, and else by
    what tools and schema say: agents that declare the same tools, whatever functions stand behind them, share one.
    """

    def __init__(self, chat: ChatFormat) -> None:
        self._chat = chat
        # The rules are kept beside the grammar, so that the ids in the key stay those of living objects.
        self._known: OrderedDict[Hashable, tuple[TurnRules, Future[Grammar]]] = OrderedDict()
        self._made: OrderedDict[Hashable, Future[Grammar]] = OrderedDict()
        self._builder = ThreadPoolExecutor(1, "agentfast-grammar")

    async def get(self, request: ModelRequest) -> Grammar:
        """The grammar of the request's turn.

        Raises:
            ConfigError, UnsupportedSchemaError: see `ChatFormat.grammar`.
        """
        rules = TurnRules(
            tools=request.tools,
            output_schema=request.output_schema,
            output_grammar=request.output_grammar,
            tool_choice=request.tool_choice,
            max_calls=request.max_calls,
        )
        key = (
            id(rules.tools),
            id(rules.output_schema),
            rules.output_grammar,
            rules.tool_choice,
            rules.max_calls,
        )
        entry = self._known.get(key)
        if entry is None:
            entry = rules, self._make(rules)
            _keep(self._known, key, entry)
        future = entry[1]
        if not future.done():
            # Shielded: a caller that is cancelled must not cancel the building that others wait for.
            await asyncio.shield(asyncio.wrap_future(future))
        return future.result()

    def _make(self, rules: TurnRules) -> Future[Grammar]:
        """The grammar of these rules, built if none of the same content is kept."""
        tools = [(tool.name, tool.description, tool.parameters) for tool in rules.tools]
        said = json.dumps([tools, rules.output_schema], default=repr)
        key = (said, rules.output_grammar, rules.tool_choice, rules.max_calls)
        future = self._made.get(key)
        if future is None:
            future = self._builder.submit(self._chat.grammar, rules)
            _keep(self._made, key, future)
        return future


def _keep(cache: OrderedDict[Hashable, V], key: Hashable, value: V) -> None:
    """Put in what is new, and take out the oldest of too many."""
    cache[key] = value
    if len(cache) > _KEPT:
        cache.popitem(last=False)
