"""Turns made ready for the engine: grammar and fields of a turn's rules, built once, beside the event loop."""

from __future__ import annotations

import asyncio
import json
from collections import OrderedDict
from collections.abc import Hashable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from agentfast.chat.base import ChatFormat, FieldFormat, TurnRules
from agentfast.models.base import ModelRequest
from agentfast.runtime.core.fields import TurnFields
from agentfast.runtime.grammar import Grammar

_KEPT: Final = 512


@dataclass(frozen=True, slots=True)
class PreparedTurn:
    """Grammar of a turn, and its fields; None where it can have none."""

    grammar: Grammar
    fields: TurnFields | None


class TurnGrammars:
    """The prepared turn of each request. Any number of event loops may share it.

    A turn is found by the identity of tools and schema, which all requests of an agent have in common, and else by what
    tools and schema say: agents that declare the same tools, whatever functions stand behind them, share one.
    """

    def __init__(self, chat: ChatFormat) -> None:
        self._chat = chat
        # The rules are kept beside the turn, so that the ids in a key stay those of living objects.
        self._turns: OrderedDict[Hashable, tuple[TurnRules, Future[PreparedTurn]]] = OrderedDict()
        self._builder = ThreadPoolExecutor(1, "agentfast-grammar")

    async def get(self, request: ModelRequest) -> PreparedTurn:
        """Find or build the request's turn.

        Raises:
            ConfigError, UnsupportedSchemaError: see `ChatFormat.grammar`.
        """
        future = self._future(
            TurnRules(
                tools=request.tools,
                output_schema=request.output_schema,
                output_grammar=request.output_grammar,
                tool_choice=request.tool_choice,
                max_calls=request.max_calls,
            )
        )
        if not future.done():
            # Shielded: a caller that is cancelled must not cancel the building that others wait for.
            await asyncio.shield(asyncio.wrap_future(future))
        return future.result()

    def build(self, rules: TurnRules) -> PreparedTurn:
        """Find or build a turn, outside an event loop. Raises as `get`."""
        return self._future(rules).result()

    def _future(self, rules: TurnRules) -> Future[PreparedTurn]:
        others = rules.output_grammar, rules.tool_choice, rules.max_calls
        identity = id(rules.tools), id(rules.output_schema), *others
        entry = self._turns.get(identity)
        if entry is None:
            entry = rules, self._by_content(rules, others)
            self._keep(identity, entry)
        return entry[1]

    def _by_content(self, rules: TurnRules, others: Hashable) -> Future[PreparedTurn]:
        tools = [(tool.name, tool.description, tool.parameters) for tool in rules.tools]
        content = json.dumps([tools, rules.output_schema], default=repr), others
        entry = self._turns.get(content)
        if entry is None:
            entry = rules, self._builder.submit(self._prepare, rules)
            self._keep(content, entry)
        return entry[1]

    def _prepare(self, rules: TurnRules) -> PreparedTurn:
        grammar = self._chat.grammar(rules)
        has_fields = bool(rules.tools) or rules.output_schema is not None
        if not has_fields or not isinstance(self._chat, FieldFormat):
            return PreparedTurn(grammar, None)
        return PreparedTurn(grammar, self._chat.turn_fields(rules))

    def _keep(self, key: Hashable, entry: tuple[TurnRules, Future[PreparedTurn]]) -> None:
        """Put in what is new, and take out the oldest of too many."""
        self._turns[key] = entry
        if len(self._turns) > _KEPT:
            self._turns.popitem(last=False)
