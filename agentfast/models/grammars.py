"""Grammars of turns: built once for an agent's tools, beside the event loop."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from concurrent.futures import Future, ThreadPoolExecutor

from agentfast.chat.base import ChatFormat, TurnRules
from agentfast.models.base import ModelRequest
from agentfast.runtime.grammar import Grammar

_KEPT = 256


class GrammarCache:
    """The grammar of each request. Any number of event loops may share it.

    Grammars are kept by the identity of tools and schema, which all requests of an agent have in common.
    """

    def __init__(self, chat: ChatFormat) -> None:
        self._chat = chat
        # The rules are kept beside the grammar, so that the ids in the key stay those of living objects.
        self._kept: OrderedDict[tuple[object, ...], tuple[TurnRules, Future[Grammar]]] = OrderedDict()
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
        entry = self._kept.get(key)
        if entry is None:
            entry = self._kept[key] = rules, self._builder.submit(self._chat.grammar, rules)
            if len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        future = entry[1]
        if not future.done():
            # Shielded: a caller that is cancelled must not cancel the building that others wait for.
            await asyncio.shield(asyncio.wrap_future(future))
        return future.result()
