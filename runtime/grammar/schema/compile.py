"""Compilation of JSON Schema: each keyword that constrains is enforced exactly, or refused with its name and path.

The language is that of JSON texts whose value the schema allows, written in this way:

- objects have their declared properties in declared order, then the others (`order="declared"`), or in any order; where
  the others can be 5 to 16 alone (`propertyNames` with an enum), they come in order of their names;
- with `closed=True` fixed values, keys, strings with a pattern or a format, and numbers have the canonical encoding
  (see strings/utf8_encoder.py and numbers/number.py); with `closed=False` any encoding that JSON has, within the limits
  of numbers/number.py;
- whitespace is as in automaton/whitespace.py, none before the first or after the last byte.

How it works: the schemas of the document (document.py) are read as formulas over assertions (reader.py), split by type
into alternatives (rules/alternatives.py) and built as nodes (build/builder.py). A formula that rules cannot say becomes
a Boolean node, whose operands are complete automata of their own; a complement is taken within the JSON values of the
same type.

Strings are well-formed Unicode: no lone surrogates. A declared key comes once. Another key may come twice where that
cannot make a reader, who takes the last, see an invalid value.
"""

from __future__ import annotations

import hashlib
import json
from typing import get_args

from agentfast.errors import ConfigError
from agentfast.runtime.core.vocabulary import Vocabulary
from agentfast.runtime.grammar.automaton.whitespace import Whitespace, gaps
from agentfast.runtime.grammar.grammar import Grammar
from agentfast.runtime.grammar.schema.build.builder import Builder
from agentfast.runtime.grammar.schema.build.mode import Mode, Order
from agentfast.runtime.grammar.schema.document import Documents
from agentfast.runtime.grammar.schema.keywords import JsonSchema
from agentfast.runtime.grammar.schema.notes import log_notes, schema_notes
from agentfast.runtime.grammar.schema.reader import Reader


def compile_schema(
    schema: JsonSchema,
    *,
    vocabulary: Vocabulary | None = None,
    whitespace: Whitespace = "compact",
    closed: bool = True,
    order: Order | None = None,
    assert_format: bool = True,
    documents: Documents | None = None,
) -> Grammar:
    """The grammar of a schema's instances.

    Args:
        schema: JSON Schema, as `json.load` gives it, read by the draft that its `$schema` names (4, 6, 7, 2019-09 or
            2020-12; see dialect.py), else as draft 2020-12 and with older spellings that mean nothing else there.
        vocabulary: also lift the grammar to it now, so that failure and cost come at once.
        whitespace: "compact" has none; "spaced" is as `json.dumps` does by default; "flexible" allows what models
            write (see `gaps`).
        closed: read an object that does not mention further properties as closed, and unknown keywords that could
            constrain (see unknown_keywords.py) as mistakes, which is what a tool call wants. Else everything is as the
            specification says.
        order: of properties; None is "declared" for closed schemas and "any" for others.
        assert_format: a `format` that has a definition here (strings/formats.py) bears on validity; others are
            annotations, with a line in the log for each. False: all are.
        documents: schemas that `$ref` may lead to, by URI; a relative one is meant from the schema's own `$id`. They are
            found by their `$id`s, too. Nothing is fetched, and what the schema itself has under a URI goes first.

    Raises:
        UnsupportedSchemaError: a keyword, or a use of it, is not enforced here, or a reference leads nowhere; says
            which and where.
        GrammarError: no instance can be written, or too many states are needed; with a vocabulary only.
    """
    if whitespace not in get_args(Whitespace):
        raise ConfigError(
            f"unknown whitespace style {whitespace!r}; there are {', '.join(get_args(Whitespace))}"
        )
    if order is not None and order not in get_args(Order):
        raise ConfigError(f"unknown order {order!r}; there are {', '.join(get_args(Order))}")
    reader = Reader(schema, strict=closed, assert_format=assert_format, documents=documents)
    given = [schema, whitespace, closed, assert_format, *sorted((documents or {}).items())]
    content = json.dumps(given, default=str)
    builder = Builder(reader, gaps(whitespace), hashlib.sha256(content.encode()).hexdigest())
    mode = Mode(order or ("declared" if closed else "any"), "canonical" if closed else "any", closed)
    grammar = Grammar(builder.document(mode))
    log_notes(schema_notes(schema, closed=closed, assert_format=assert_format))
    if vocabulary is not None:
        grammar.compile(vocabulary)
    return grammar
