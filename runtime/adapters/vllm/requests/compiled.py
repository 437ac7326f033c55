"""Compiled grammars of requests, kept by what they ask for."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from agentfast.chat.base import TurnRules
from agentfast.chat.gemma4 import CHANNEL, CHANNEL_END, SPECIAL_TOKENS, THOUGHT, Gemma4Chat
from agentfast.errors import ConfigError, GrammarError
from agentfast.runtime.adapters.vllm.requests.constraint import Constraint
from agentfast.runtime.adapters.vllm.requests.structural_tag import tag_grammar
from agentfast.runtime.core.tokenizer import Tokenizer
from agentfast.runtime.grammar import Grammar, TokenGrammar, compile_schema
from agentfast.runtime.model.checkpoint.tokenizer import load_tokenizer
from agentfast.tools.call import ToolDefinition

if TYPE_CHECKING:
    from agentfast.runtime.core.fields import TurnFields

_KEPT: Final = 256
_PAD: Final = "<pad>"
_CHAT: Final = Gemma4Chat()


class Grammars:
    """Grammars of one checkpoint's tokens. Thread-safe; an equal constraint is compiled once at a time.

    Attributes:
        tokenizer: the checkpoint's.
        ends: ids of the tokens that may end an output, padding included.
    """

    def __init__(self, tokenizer: Tokenizer, *, kept: int = _KEPT) -> None:
        """
        Args:
            kept: constraints whose grammars stay at hand, those used last.

        Raises:
            ConfigError: the tokenizer has not the special tokens of Gemma 4's chat format.
        """
        if missing := sorted(set(SPECIAL_TOKENS) - tokenizer.vocabulary.special.keys()):
            raise ConfigError(
                f"the tokenizer has no special token {missing[0]}", hint="give a checkpoint of Gemma 4's kind"
            )
        self.tokenizer = tokenizer
        special = tokenizer.vocabulary.special
        self.ends = tokenizer.vocabulary.eos_ids | {special[name] for name in (_PAD,) if name in special}
        self._grammar = lru_cache(maxsize=kept)(self._build)

    @classmethod
    def from_checkpoint(cls, directory: str | Path, *, kept: int = _KEPT) -> Grammars:
        """Read the tokenizer of a checkpoint's directory.

        Raises:
            CheckpointError: a file is missing or malformed.
            ConfigError: see above.
        """
        return cls(load_tokenizer(directory), kept=kept)

    def compile(self, constraint: Constraint) -> TokenGrammar:
        """The grammar of what may be generated, a thought included.

        Raises:
            UnsupportedSchemaError: a schema that cannot be enforced.
            GrammarError: the constraint cannot be a grammar, takes too many states, or is nested too deeply.
        """
        try:
            return self._grammar(constraint).compile(self.tokenizer.vocabulary)
        except RecursionError as error:
            raise GrammarError("the constraint is nested too deeply", hint="give a flatter one") from error

    def least_tokens(self, grammar: TokenGrammar) -> int:
        """Tokens of the shortest output, its end token included."""
        return grammar.min_tokens(grammar.start)

    def for_prompt(self, constraint: Constraint, prompt: Sequence[int]) -> Constraint:
        """The constraint on what follows a prompt: where that ends inside a thought, the thought comes to its end first."""
        special = self.tokenizer.vocabulary.special
        turns = {special[name] for name in SPECIAL_TOKENS}
        last = next((token for token in reversed(prompt) if token in turns), None)
        is_open = last == special[CHANNEL]
        return constraint if is_open == constraint.open_thought else replace(constraint, open_thought=is_open)

    def fields(self, constraint: Constraint) -> TurnFields | None:
        """The fields whose probabilities can be told; None for texts without fields."""
        source = constraint.source
        tools, answer = (_tools(source), source["answer"] or {}) if "tools" in source else ((), source)
        if not tools and "json" not in answer:
            return None
        choice = source.get("tool_choice", "none")
        return _CHAT.turn_fields(TurnRules(tools, answer.get("json"), tool_choice=choice))

    def _build(self, constraint: Constraint) -> Grammar:
        return _thought(constraint) + self._turn(constraint.source)

    def _turn(self, source: Mapping[str, Any]) -> Grammar:
        if "tools" not in source:
            return self._answer(source)
        answer = None if source["answer"] is None else self._answer(source["answer"])
        return _CHAT.grammar(
            TurnRules(
                _tools(source),
                output_grammar=answer,
                tool_choice=source["tool_choice"],
                max_calls=source["max_calls"],
            )
        )

    def _answer(self, answer: Mapping[str, Any]) -> Grammar:
        """The grammar of an answer without calls."""
        match answer:
            case {"json": schema}:
                return compile_schema(schema, whitespace=answer.get("whitespace", _CHAT.whitespace))
            case {"regex": pattern}:
                return Grammar.from_regex(pattern)
            case {"choice": texts}:
                return Grammar.from_choices(texts)
            case {"structural_tag": tag}:
                return tag_grammar(tag, frozenset(self.tokenizer.vocabulary.special))
            case _:
                raise GrammarError(f"unknown kind of constraint: {json.dumps(answer)}")


def _tools(source: Mapping[str, Any]) -> tuple[ToolDefinition, ...]:
    return tuple(ToolDefinition(**tool) for tool in source["tools"])


def _thought(constraint: Constraint) -> Grammar:
    """The thought that may stand in front of the constrained part.

    A thought is free text without special tokens, so it has one end, which takes one token: the fewest tokens that an
    output still needs are known inside the thought as well, and the budget ends it in time.
    """
    free = Grammar.text() + Grammar.special(CHANNEL_END)
    if constraint.open_thought:
        return free
    content = Grammar.special(CHANNEL_END) if constraint.thinking is False else free
    return (Grammar.special(CHANNEL) + Grammar.literal(THOUGHT) + content).repeat(0, 1)
