"""Grammars: JSON Schema to byte automaton to token classes."""

from agentfast.runtime.grammar.grammar import Grammar
from agentfast.runtime.grammar.schema import compile_schema
from agentfast.runtime.grammar.token_grammar import TokenGrammar

__all__ = ["Grammar", "TokenGrammar", "compile_schema"]
