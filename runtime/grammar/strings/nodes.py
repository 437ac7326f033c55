"""Nodes of the texts of an automaton."""

from __future__ import annotations

from collections import Counter
from functools import lru_cache, partial
from typing import Final

from agentfast.runtime.grammar.automaton import nodes
from agentfast.runtime.grammar.automaton.byte_dfa import ByteDfa
from agentfast.runtime.grammar.automaton.string_body import ANY_BODY, Body
from agentfast.runtime.grammar.codepoints.automaton import CodepointAutomaton, explore, of_length, product
from agentfast.runtime.grammar.codepoints.length_sets import EVERY_LENGTH, NO_LENGTH, LengthSet, both, spans
from agentfast.runtime.grammar.strings.enumerate import liveness_of
from agentfast.runtime.grammar.strings.exact_sets import Operand
from agentfast.runtime.grammar.strings.lazy_byte_dfa import LazyByteDfa
from agentfast.runtime.grammar.strings.utf8_encoder import Between, Encoding, Utf8Encoder

MAX_COUNTED: Final = 10_001 * ANY_BODY.places
"""States that the length of one string may take in what is generated: those of any string of up to 10,000."""

_MAX_OF_LIMITS: Final = 20_000
"""The same where the limit on the length differs from place to place."""


@lru_cache(maxsize=1024)
def strings_node(automaton: CodepointAutomaton, encoding: Encoding) -> nodes.Node:
    """The texts as they are written, with both quotes where the encoding has quotes.

    Raises:
        GrammarError: that takes too many states.
    """
    if not liveness_of(automaton).starts:
        return nodes.NOTHING
    if encoding == "plain":
        return nodes.Terminal(_byte_dfa(automaton) or LazyByteDfa(automaton, encoding, automaton.digest))
    if len(automaton.rows) == 1:
        bodies = [_bounded(nodes.StringBody(*span), automaton) for span in spans(automaton.lengths[0])]
        return nodes.Sequence(_QUOTE, bodies[0] if len(bodies) == 1 else nodes.Choice(bodies))
    encoder = Utf8Encoder(automaton, encoding)
    body = encoder.body()
    if automaton.limits is not None:
        return nodes.Sequence(_QUOTE, _bounded(nodes.StringBody(*automaton.limits, body), automaton))
    lengths = tuple(
        automaton.lengths[at.state] if isinstance(at, Between) else NO_LENGTH for at in encoder.places
    )
    node = nodes.StringBody(body=Body(body.moves, lengths=lengths))
    if node.size <= _MAX_OF_LIMITS:
        return nodes.Sequence(_QUOTE, node)
    part, content = _of_one_limit(automaton), automaton.digest
    if part is None:
        return lazy_node(automaton, encoding, content)
    return nodes.Narrowed(
        partial(lazy_node, automaton, encoding, content), strings_node(part, encoding), content
    )


def _of_one_limit(automaton: CodepointAutomaton) -> CodepointAutomaton | None:
    """The texts to which one of the limits on their length applies, none at all if there are such; None if not fewer."""
    known = Counter(lengths for lengths in automaton.lengths if lengths)
    for limit, _ in sorted(known.items(), key=lambda item: (item[0] != EVERY_LENGTH, -item[1])):
        part = explore(0, automaton.row, partial(_if_equal, automaton, limit))
        if liveness_of(part).starts and part.limits is not None:
            return part
    return None


def _if_equal(automaton: CodepointAutomaton, limit: LengthSet, state: int) -> LengthSet:
    return limit if automaton.lengths[state] == limit else NO_LENGTH


def lazy_node(texts: Operand, encoding: Encoding, content: bytes) -> nodes.Node:
    """The texts by a lazy byte DFA; `content` identifies them."""
    text = nodes.Terminal(LazyByteDfa(texts, encoding, content))
    return text if encoding == "plain" else nodes.Sequence(_QUOTE, text)


_QUOTE: Final = nodes.Literal(b'"')


def _bounded(body: nodes.StringBody, automaton: CodepointAutomaton) -> nodes.Node:
    """The body; if its counter takes too many states, texts that are generated are shorter than those that are read."""
    longest = MAX_COUNTED // body.body.places - 1
    if body.most is None or body.most <= longest or body.least > longest:
        return body
    if not liveness_of(product(automaton, of_length(body.least, longest), both)).starts:
        return body
    shorter = nodes.StringBody(body.least, longest, body.body)
    return nodes.Narrowed(partial(_itself, body), shorter, body.digest)


def _itself(node: nodes.Node) -> nodes.Node:
    return node


def _byte_dfa(automaton: CodepointAutomaton) -> ByteDfa | None:
    """Plain texts, where only the state matters and not the length."""
    if any(lengths not in (NO_LENGTH, EVERY_LENGTH) for lengths in automaton.lengths):
        return None
    encoder = Utf8Encoder(automaton, "plain")
    body = encoder.body()
    accepting = tuple(isinstance(at, Between) and bool(automaton.lengths[at.state]) for at in encoder.places)
    return ByteDfa(tuple(tuple(move[:3] for move in row) for row in body.moves), accepting)
