"""Grammars: JSON Schemas, regular expressions and texts to byte automata to token classes."""

from agentfast.runtime.grammar.foreign import as_grammar
from agentfast.runtime.grammar.grammar import Grammar
from agentfast.runtime.grammar.schema.compile import compile_schema
from agentfast.runtime.grammar.tokens.token_grammar import TokenGrammar

__all__ = ["Grammar", "TokenGrammar", "as_grammar", "compile_schema"]
