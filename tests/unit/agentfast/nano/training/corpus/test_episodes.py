"""Episodes are deterministic, valid, and can be solved by reading."""

from __future__ import annotations

import json
from collections import Counter
from functools import cache
from itertools import islice
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentfast.messages import AssistantMessage, Message, SystemMessage, ToolMessage, UserMessage
from agentfast.nano.shop.desks import DESKS
from agentfast.nano.shop.splits import Split
from agentfast.nano.tasks import Kind
from agentfast.nano.training.corpus.episodes import MIX, Episode, episodes
from agentfast.tools.definition import ToolDefinition


@cache
def made(split: Split = "train") -> tuple[Episode, ...]:
    return tuple(islice(episodes(11, split), 2000))


@pytest.fixture(params=["train", "test"])
def some(request: pytest.FixtureRequest) -> tuple[Episode, ...]:
    return made(request.param)


def text_of(message: Message) -> str:
    return message.content if isinstance(message, ToolMessage) else message.text


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**40))
def test_a_seed_gives_the_same_episodes_again(seed: int) -> None:
    assert list(islice(episodes(seed), 12)) == list(islice(episodes(seed), 12))


def test_another_seed_or_split_gives_others() -> None:
    first, second, test = (list(islice(episodes(seed, split), 20)) for seed, split in VARIANTS)
    assert first != second
    assert first != test


VARIANTS: tuple[tuple[int, Split], ...] = ((1, "train"), (2, "train"), (1, "test"))


def test_all_kinds_occur_in_about_their_share(some: tuple[Episode, ...]) -> None:
    counts = Counter(episode.kind for episode in some)
    for kind, share in MIX.items():
        assert abs(counts[kind] / len(some) - share) < 0.05


def test_a_mix_of_one_kind_gives_only_that_kind() -> None:
    for kind in MIX:
        mix: dict[Kind, float] = {kind: 1.0}
        assert {episode.kind for episode in islice(episodes(0, mix=mix), 20)} == {kind}


def test_calls_fit_the_schemas_of_declared_tools(some: tuple[Episode, ...]) -> None:
    for episode in some[:700]:
        declared = {tool.name: tool for tool in episode.tools}
        assert len(declared) == len(episode.tools)
        for message in episode.messages:
            for call in message.calls if isinstance(message, AssistantMessage) else ():
                validate(call.arguments, declared[call.name])


def validate(arguments: dict[str, Any], tool: ToolDefinition) -> None:
    schema = dict(tool.parameters)
    jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker()).validate(arguments)


def test_a_conversation_goes_request_calls_results_answer(some: tuple[Episode, ...]) -> None:
    for episode in some:
        system, user, *rest, last = episode.messages
        assert isinstance(system, SystemMessage)
        assert isinstance(user, UserMessage)
        assert isinstance(last, AssistantMessage)
        assert last.text
        assert not last.calls
        while rest:
            turn = rest.pop(0)
            assert isinstance(turn, AssistantMessage)
            results, rest = rest[: len(turn.calls)], rest[len(turn.calls) :]
            assert [r.name for r in results if isinstance(r, ToolMessage)] == [c.name for c in turn.calls]


def scalars(value: Any) -> list[Any]:
    if isinstance(value, dict | list):
        parts: list[Any] = list(value.values()) if isinstance(value, dict) else value  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
        return [scalar for part in parts for scalar in scalars(part)]
    return [] if isinstance(value, bool) else [value]


def test_what_a_call_needs_stands_in_the_request_or_in_an_earlier_result(some: tuple[Episode, ...]) -> None:
    for episode in some:
        read = text_of(episode.messages[1])
        for message in episode.messages[2:]:
            if isinstance(message, ToolMessage):
                read += "\n" + message.content
            elif isinstance(message, AssistantMessage):
                for call in message.calls:
                    for value in scalars(call.arguments):
                        # A sentence's first letter is a capital, whatever the value's is.
                        assert str(value).lower() in read.lower(), episode


def test_what_an_answer_has_to_say_is_said(some: tuple[Episode, ...]) -> None:
    for episode in some:
        assert all(value in text_of(episode.messages[-1]) for value in episode.expected)


def test_a_request_that_no_tool_serves_is_declined_without_a_call(some: tuple[Episode, ...]) -> None:
    declined = [episode for episode in some if episode.kind == "no_tool"]
    assert declined
    for episode in declined:
        assert [type(message) for message in episode.messages[2:]] == [AssistantMessage]
        assert text_of(episode.messages[-1]) == "No tool can do that."


def test_an_error_is_passed_on(some: tuple[Episode, ...]) -> None:
    failed = [e for e in some if any('{"error"' in text_of(message) for message in e.messages)]
    assert 0 < len(failed) < 0.08 * len(some)
    for episode in failed:
        errors = [json.loads(text_of(m))["error"] for m in episode.messages if '{"error"' in text_of(m)]
        assert text_of(episode.messages[-1]) in errors


def test_extracted_fields_fit_their_schema_and_stand_in_the_document(some: tuple[Episode, ...]) -> None:
    extracted = [episode for episode in some if episode.kind == "extract"]
    assert extracted
    for episode in extracted:
        assert episode.output_schema is not None
        assert not episode.tools
        record = json.loads(text_of(episode.messages[-1]))
        jsonschema.validate(record, episode.output_schema)
        assert list(record) == list(episode.output_schema["properties"])
        document = text_of(episode.messages[1]).lower()
        assert all(str(value).lower() in document for value in record.values())


def test_shop_results_are_short(some: tuple[Episode, ...]) -> None:
    results = [m.content for e in some if e.desk for m in e.messages if isinstance(m, ToolMessage)]
    assert max(len(content) for content in results) < 260


def test_every_desk_has_four_to_seven_tools_and_is_asked(some: tuple[Episode, ...]) -> None:
    assert all(4 <= len(desk.tools) <= 7 for desk in DESKS.values())
    assert {episode.desk for episode in some} == {*DESKS, ""}
