"""Grammars: languages over bytes and special tokens, independent of any vocabulary."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from agentfast.errors import GrammarError
from agentfast.runtime.core.vocabulary import Vocabulary
from agentfast.runtime.grammar.acceptors import ACCEPTORS
from agentfast.runtime.grammar.automaton import nodes
from agentfast.runtime.grammar.automaton.node_pickle import dump_node, load_node
from agentfast.runtime.grammar.compile import count_states, load_or_compile
from agentfast.runtime.grammar.store import GRAMMARS
from agentfast.runtime.grammar.strings.plain_text import choice_node, literal_node, regex_node, text_node
from agentfast.runtime.grammar.tokens.token_grammar import TokenGrammar


class Grammar:
    """An immutable language: plain data, which can be pickled. Equal grammars have equal digests.

    Build one with `compile_schema`, or from parts: `from_regex`, `from_choices`, `literal`, `special`, `text`, `+`,
    `|`, `repeat`. A region that is constrained may so have free text around it; the special tokens, which no text can
    hold, keep them apart:

        Grammar.text() + Grammar.special("<|call|>") + compile_schema(schema)

    Attributes:
        node: the expression, see automaton/nodes.py.
    """

    __slots__ = ("node",)

    def __init__(self, node: nodes.Node) -> None:
        self.node = node

    def __reduce__(self) -> tuple[Callable[[bytes], Grammar], tuple[bytes]]:
        return _unpickled, (dump_node(self.node),)

    @classmethod
    def literal(cls, text: str | bytes) -> Grammar:
        """Exactly this text.

        Raises:
            GrammarError: it holds a lone surrogate.
        """
        return cls(literal_node(text))

    @classmethod
    def special(cls, name: str) -> Grammar:
        """One special token, which no text can be."""
        return cls(nodes.Special(name))

    @classmethod
    def text(cls, *, without: str = "", without_match: str = "", most: int | None = None) -> Grammar:
        """Any well-formed UTF-8 without special tokens; may be empty.

        Args:
            without: a string that it must not contain.
            without_match: a regular expression that must match nowhere in it; see `from_regex`.
            most: code points at most; None is without end. Tokens are counted by a request's `max_tokens` only.

        Raises:
            GrammarError: the pattern is not read, takes too many states, or matches the empty text.
        """
        return cls(text_node(without, without_match, most))

    @classmethod
    def from_regex(cls, pattern: str) -> Grammar:
        """Texts that a regular expression matches as a whole.

        The pattern is read as ECMA-262 reads it in Unicode mode, like JSON Schema's `pattern`: \\d and \\w are ASCII.
        See regex/parser.py; back-references are refused.

        Raises:
            GrammarError: the pattern is not read, or takes too many states.
        """
        return cls(regex_node(pattern))

    @classmethod
    def from_choices(cls, texts: Iterable[str]) -> Grammar:
        """Exactly one of these texts.

        Raises:
            GrammarError: there is none, or one holds a lone surrogate.
        """
        return cls(choice_node(texts))

    def in_native_notation(self, quote: str) -> Grammar:
        """The values of a JSON grammar as Gemma 4 writes them in its tool calls.

        That is as JSON, but with the special token `quote` in place of quotes, strings that are not escaped, and bare
        keys (which can be written unless they are empty or hold a control character or one of `:{}[],"`).

        Raises:
            GrammarError: this grammar has special tokens already.
        """
        if self.specials:
            raise GrammarError(f"a grammar with special tokens is not of JSON: {sorted(self.specials)}")
        return Grammar(nodes.GemmaText(self.node, quote))

    @property
    def specials(self) -> frozenset[str]:
        """Names of the special tokens that occur in it."""
        return frozenset(node.name for node in nodes.walk(self.node) if isinstance(node, nodes.Special))

    def __add__(self, other: Grammar) -> Grammar:
        return Grammar(nodes.Sequence(self.node, other.node))

    def __or__(self, other: Grammar) -> Grammar:
        return Grammar(nodes.Choice((self.node, other.node)))

    def repeat(self, least: int, most: int | None = None) -> Grammar:
        """This grammar `least` to `most` times; `most` None is without end.

        Raises:
            GrammarError: the bounds are negative or cross.
        """
        if least < 0 or (most is not None and most < least):
            raise GrammarError(f"cannot repeat a grammar {least} to {most} times")
        return Grammar(nodes.Repeat(self.node, least, most))

    @property
    def digest(self) -> bytes:
        """Identifies the content; a key for caches."""
        return self.node.digest

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Grammar) and self.node == other.node

    def __hash__(self) -> int:
        return hash(self.node)

    def accepts(self, text: str | bytes) -> bool:
        """Test whether the whole text matches. Text that UTF-8 cannot carry (lone surrogates) does not."""
        try:
            data = text.encode() if isinstance(text, str) else text
        except UnicodeEncodeError:
            return False
        return ACCEPTORS.accepts(self.node, data)

    def count_states(self, most: int) -> int:
        """States over bytes, without recursion; `most` if it needs as many or more. Takes as long as making them does."""
        return count_states(self.node, most)

    def find_compiled(self, vocabulary: Vocabulary) -> TokenGrammar | None:
        """The result of `compile` for an equal grammar, if it is at hand; never compiles and takes a microsecond."""
        return GRAMMARS.find(self.node, vocabulary)

    def compile(self, vocabulary: Vocabulary, folder: Path | str | None = None) -> TokenGrammar:
        """Lift to a vocabulary; the result is kept and shared by equal grammars, and compiled once at a time.

        Args:
            folder: where what took long is kept for other processes; "" is nowhere, None the user's cache folder, see
                tokens/disk_cache.py.

        References in recursive grammars open at most 32 deep in what is generated, less where that takes many states.

        Raises:
            GrammarError: nothing can be generated, or more than MAX_STATES states are needed.
        """
        return GRAMMARS.get(self.node, vocabulary, lambda: load_or_compile(self.node, vocabulary, folder))


def _unpickled(data: bytes) -> Grammar:
    return Grammar(load_node(data))
