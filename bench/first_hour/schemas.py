"""Schemas: many tools at once, keywords and drafts as they are found in the wild, and the types of Python."""

from __future__ import annotations

import json
import logging
import re
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import pydantic
from pydantic import Field

from agentfast import Agent, Limits, Tool, ToolDefinition, UnsupportedSchemaError, compile_schema, tool
from agentfast.chat.base import TurnRules
from agentfast.chat.gemma4 import Gemma4Chat
from agentfast.runtime.core.vocabulary import Vocabulary
from agentfast.runtime.grammar import Grammar
from agentfast.runtime.grammar.tokens.sampling import Sampler
from bench.data.repository_tools import repository_tools
from bench.first_hour.items import Figures, expect, expect_words, item, refusal
from bench.first_hour.losing import DESK
from bench.first_hour.models import embedded, wait_for
from bench.first_hour.programs import agentfast, new_folder, run

TOOLS_S = 120.0
"""A set of tools that takes longer hangs; its seconds are a figure."""
DRAWS = 40
TYPES: dict[str, Any] = {
    "NaiveDatetime": pydantic.NaiveDatetime,
    "AwareDatetime": pydantic.AwareDatetime,
    "HttpUrl": pydantic.HttpUrl,
    "Decimal": Decimal,
    "dict[int, str]": dict[int, str],
    "UUID4": pydantic.UUID4,
    "IPvAnyAddress": pydantic.IPvAnyAddress,
    "Base64Str": pydantic.Base64Str,
    "PostgresDsn": pydantic.PostgresDsn,
    "RedisDsn": pydantic.RedisDsn,
    "re.Pattern": re.Pattern[str],
    "set[str]": set[str],
    "a constrained list": Annotated[list[Annotated[int, Field(gt=2, multiple_of=3)]], Field(min_length=2)],
}


def turn_grammar(max_calls: int) -> Grammar:
    """All that the embedded model may say in a turn with the 112 tools."""
    tools = tuple(ToolDefinition(name, name, schema) for name, schema in repository_tools().items())
    return embedded().chat.grammar(TurnRules(tools, max_calls=max_calls))


def states(max_calls: int) -> int:
    """States of that grammar over the embedded model's tokens."""
    return turn_grammar(max_calls).compile(embedded().engine.tokenizer.vocabulary, "").state_count


@item
def many_tools() -> Figures:
    """A code host's 112 tools compile in one turn at the default of 8 calls, and take the states of one call and a little."""
    expect(len(repository_tools()) == 112, len(repository_tools()))
    began = time.perf_counter()
    eight = states(8)
    seconds = time.perf_counter() - began
    one = states(1)
    expect(
        eight <= 1.1 * one and states(32) <= 1.1 * one, f"{one:,} states for one call, {eight:,} for eight"
    )
    expect(seconds < TOOLS_S, f"{seconds:.0f} s")
    return {"tools_s": seconds, "tools_states": eight, "tools_states_of_one_call": one}


@contextmanager
def logged() -> Generator[list[str]]:
    """The messages that agentfast logs meanwhile."""
    lines: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(record.getMessage())  # type: ignore[method-assign]
    logger = logging.getLogger("agentfast")
    logger.addHandler(handler)
    try:
        yield lines
    finally:
        logger.removeHandler(handler)


def object_of(**properties: Any) -> dict[str, Any]:
    """The schema of an object that has all of these."""
    return {"type": "object", "properties": properties, "required": list(properties)}


def explained(schema: Any) -> str:
    """The output of `agentfast schema --explain`, which has to take the schema."""
    file = new_folder("schema") / "schema.json"
    file.write_text(json.dumps(schema))
    ran = run(agentfast("schema", str(file), "--explain"))
    expect(ran.code == 0, ran)
    return " ".join(ran.output.split())


@item
def unknown_format() -> None:
    """An unknown format is an annotation, with a note in the log and in --explain; a known one is asserted."""
    schema = object_of(
        page={"type": "string", "format": "html-selector"}, day={"type": "string", "format": "date"}
    )
    with logged() as lines:
        grammar = compile_schema(schema)
    expect_words("\n".join(lines), "html-selector")
    expect(grammar.accepts('{"page":"div > p","day":"2027-03-14"}'), "its instance refused")
    expect(not grammar.accepts('{"page":"div > p","day":"soon"}'), "a day that is none accepted")
    expect_words(explained(schema), "html-selector")


@item
def annotating_keywords() -> None:
    """Keywords that only annotate are read over, pydantic's json_schema_extra too; misspelt ones are refused."""

    class Ticket(pydantic.BaseModel):
        """A ticket."""

        size: Annotated[str, Field(max_length=9, json_schema_extra={"x-order": 1, "widget": "select"})]

    schema = Ticket.model_json_schema() | {"enumTitles": ["a"], "markdownDescription": "*a*"}
    expect(compile_schema(schema).accepts('{"size":"L"}'), "its instance refused")
    wait_for(Agent(embedded(), instructions=DESK, output_type=Ticket).run("A ticket."))
    refusal(lambda: compile_schema({"type": "object", "requierd": ["a"]}), "requierd", "required")


@item
def older_drafts() -> None:
    """A schema is read by the draft that it names: beside `$ref` draft-07 reads nothing, 2020-12 everything."""
    schema = {"$ref": "#/definitions/text", "maxLength": 1, "definitions": {"text": {"type": "string"}}}
    for draft, taken in (
        ("http://json-schema.org/draft-04/schema#", True),
        ("http://json-schema.org/draft-07/schema#", True),
        ("https://json-schema.org/draft/2020-12/schema", False),
    ):
        grammar = compile_schema({"$schema": draft} | schema)
        expect(grammar.accepts('"long"') == taken, f"{draft}: {grammar.accepts(chr(34) + 'long' + chr(34))}")


@item
def empty_object() -> None:
    """An object without properties, which can only be {}, is noted by --explain and when an agent is made."""
    schema = object_of(first_hour_data={"type": "object"})
    with logged() as lines:
        Agent(embedded(), instructions=DESK, output_type=schema)
    expect_words("\n".join(lines), "first_hour_data", "{}")
    expect_words(explained(schema), "/properties/first_hour_data", "{}")


def refused_draws(name: str, kind: Any, vocabulary: Vocabulary) -> Iterator[str]:
    """Calls of a tool with a parameter of this type that its grammar writes and its validator does not take."""

    def act(value: object) -> None:
        """Acts."""

    act.__annotations__["value"] = kind
    acting: Tool[Any] = tool(act)
    sampler = Sampler(compile_schema(acting.parameters).compile(vocabulary, ""))
    for _ in range(DRAWS):
        text = sampler.draw()
        try:
            acting.validate(json.loads(text))
        except Exception as error:  # noqa: BLE001  (any of them ends a user's call)
            yield f"{name}: {text}: {error}"


@item
def python_types() -> None:
    """Calls that the grammar of a Python type writes pass pydantic's validator."""
    vocabulary = Vocabulary.byte_level()
    refused = [line for name, kind in TYPES.items() for line in refused_draws(name, kind, vocabulary)]
    expect(not refused, f"{len(refused)} refused: {refused[:2]}")


@item
def embedded_calls() -> None:
    """The embedded model's own calls of a tool with such types pass the validator."""

    def act(
        at: pydantic.NaiveDatetime, host: pydantic.IPvAnyAddress, price: Decimal, who: pydantic.UUID4
    ) -> str:
        """Acts."""
        return f"{at} {host} {price} {who}"

    agent = Agent(embedded(), tools=[act], instructions=DESK, tool_choice="act", limits=Limits(max_steps=2))
    ends = wait_for(agent.map([f"Act {number}." for number in range(8)], return_exceptions=True))
    results = [step.results[0] for end in ends for step in getattr(end, "steps", ())[:1]]
    failed = [result.content for result in results if result.is_error]
    expect(len(results) == len(ends) and not failed, failed or ends)


@item
def unenforceable_types() -> None:
    """A type whose check no schema states is refused when the agent is made, by its tool, field and a way out."""

    def book(day: pydantic.FutureDate) -> str:
        """Books."""
        return str(day)

    def read(file: pydantic.FilePath) -> str:
        """Reads."""
        return str(file)

    refusal(lambda: Agent(embedded(), tools=[book]), "tool 'book'", "'day'", "use date")
    refusal(lambda: Agent(embedded(), tools=[read]), "tool 'read'", "'file'", "use Path")


@item
def refused_tool() -> None:
    """A schema that cannot be enforced is refused when the agent is made, by its owner, keyword and place."""
    schema = object_of(name={"type": "string", "nullable": True})
    error = refusal(lambda: Agent(embedded(), output_type=schema), "nullable", "/properties/name")
    expect(isinstance(error, UnsupportedSchemaError), error)


@item
def whitespace_of_gemma() -> None:
    """Typed answers of Gemma's chat format may be spaced or in lines, as that model writes them."""
    grammar = Gemma4Chat().grammar(TurnRules(output_schema=object_of(a={"type": "integer"})))
    for text in ('{"a":1}', '{"a": 1}', '{\n  "a": 1\n}'):
        expect(grammar.accepts(text), f"{text!r} refused")


@item
def path_of_a_type() -> None:
    """Paths, which pydantic takes as text, are parameters as they are."""

    def open_file(path: Path) -> str:
        """Opens."""
        return str(path)

    agent = Agent(embedded(), tools=[open_file], instructions=DESK, tool_choice="open_file")
    (result,) = wait_for(agent.run("Open it.")).steps[0].results
    expect(not result.is_error, result)
