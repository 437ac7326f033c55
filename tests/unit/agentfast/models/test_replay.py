"""Recording and replaying: the same run again, and a loud error when it is not the same."""

from __future__ import annotations

import asyncio
import dataclasses
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentfast import (
    Agent,
    AssistantMessage,
    CanvasState,
    CanvasUpdate,
    ConfigError,
    FirstThatWorks,
    ModelError,
    ModelRequest,
    ModelResponse,
    ModelUsage,
    Price,
    RecordingModel,
    ReplayModel,
    RunFinished,
    ScriptedModel,
    TextChunk,
    TextDelta,
    ToolCall,
    UserMessage,
)
from agentfast.models.recording import decode_response, encode_response
from agentfast.models.scripted import Answer
from tests.support.scripted_runs import CountingModel, StreamingModel

SCRIPT: list[Answer] = [[ToolCall("add", {"a": 1, "b": 2}), ToolCall("add", {"a": 3, "b": 4})], "grüße"]


async def add(a: int, b: int) -> int:
    """Add."""
    return a + b


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "recording.jsonl"


@pytest.fixture
def empty(path: Path) -> Path:
    path.touch()
    return path


def lines_of(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


def agent(
    model: ScriptedModel | RecordingModel | ReplayModel, instructions: str = "Add."
) -> Agent[None, str]:
    return Agent(model, tools=[add], instructions=instructions)


async def test_a_recorded_run_is_replayed_without_the_model(path: Path) -> None:
    recording = RecordingModel(ScriptedModel(SCRIPT, name="original"), path)
    original = await agent(recording).run("go", seed=3)
    replayed = await agent(ReplayModel(path)).run("go", seed=3)
    assert replayed.messages == original.messages
    assert recording.name == "original"
    assert len(lines_of(path)) == 2


async def test_concurrent_runs_are_replayed_in_any_order(path: Path) -> None:
    prompts = [f"p{number}" for number in range(8)]
    originals = await agent(RecordingModel(ScriptedModel(SCRIPT), path)).map(prompts)
    replayed = await agent(ReplayModel(path)).map(prompts, concurrency=3)
    assert [result.messages for result in replayed] == [result.messages for result in originals]


async def test_a_request_that_was_not_recorded_is_an_error_that_says_what_differs(path: Path) -> None:
    await agent(RecordingModel(ScriptedModel(SCRIPT), path)).run("go")
    with pytest.raises(
        ModelError, match=r"line 1, differs at messages\[0\]\.text: recorded Add\., asked Sub\."
    ):
        await agent(ReplayModel(path), "Sub.").run("go")
    with pytest.raises(ModelError, match="seed"):
        await agent(ReplayModel(path)).run("go", seed=1)


async def test_a_request_is_answered_as_often_as_it_was_recorded_and_in_order(path: Path) -> None:
    answers = iter(["one", "two"])
    recording = RecordingModel(ScriptedModel(lambda _: next(answers)), path)
    request = ModelRequest([UserMessage("go")])
    for _ in range(2):
        await recording.respond(request)
    replay = ReplayModel(path)
    assert [(await replay.respond(request)).message.text for _ in range(2)] == ["one", "two"]
    with pytest.raises(ModelError, match="given already"):
        await replay.respond(request)


async def test_the_runs_name_and_priority_do_not_matter(path: Path) -> None:
    request = ModelRequest([UserMessage("go")], program="a-1")
    await RecordingModel(ScriptedModel(["x"]), path).respond(request)
    renamed = dataclasses.replace(request, program="b-2", priority=3)
    assert (await ReplayModel(path).respond(renamed)).message.text == "x"


async def test_an_empty_recording_says_so(empty: Path) -> None:
    with pytest.raises(ModelError, match="it is empty"):
        await ReplayModel(empty).respond(ModelRequest([UserMessage("go")]))


@pytest.mark.parametrize(
    "line",
    [
        "not JSON",
        "[]",
        '{"request":{}}',
        '{"request":{},"response":{"message":{"text":"a","calls":[{"x":1}]},"usage":{},"finish_reason":"stop"}}',
    ],
)
def test_a_broken_recording_is_refused_by_line(path: Path, line: str) -> None:
    path.write_text(line + "\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="line 1"):
        ReplayModel(path)


def test_a_missing_recording_is_refused(path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot read"):
        ReplayModel(path)


def test_a_recording_that_is_no_text_is_refused(path: Path) -> None:
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="cannot read"):
        ReplayModel(path)


def test_what_cannot_be_recorded_is_refused_when_the_model_is_made(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no folder"):
        RecordingModel(ScriptedModel([]), tmp_path / "nowhere" / "file")
    with pytest.raises(ConfigError, match="model is 'gpt'"):
        RecordingModel("gpt", tmp_path / "file")  # type: ignore[arg-type]  # pyright: ignore
    with pytest.raises(ConfigError, match="path is 5"):
        ReplayModel(5)  # type: ignore[arg-type]  # pyright: ignore


async def test_a_file_that_cannot_be_written_is_the_models_error(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="cannot record"):
        await RecordingModel(ScriptedModel(["a"]), tmp_path).respond(ModelRequest([]))


async def test_a_failure_is_not_recorded(path: Path) -> None:
    with pytest.raises(ModelError):
        await RecordingModel(ScriptedModel([]), path).respond(ModelRequest([UserMessage("go")]))
    assert lines_of(path) == []


async def test_cancelling_a_recorded_request_cancels_the_model(path: Path) -> None:
    async def hang(_: object) -> str:
        await asyncio.Event().wait()
        return "never"

    task = asyncio.create_task(RecordingModel(ScriptedModel(hang), path).respond(ModelRequest([])))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=5,
)
calls = st.builds(
    ToolCall,
    st.text(max_size=5),
    st.dictionaries(st.text(max_size=3), json_values, max_size=3),
    st.text(max_size=3),
)
responses = st.builds(
    ModelResponse,
    st.builds(AssistantMessage, st.text(max_size=9), st.lists(calls, max_size=2).map(tuple)),
    st.builds(ModelUsage, st.integers(0), st.integers(0), st.integers(0), st.integers(0), st.integers(0)),
    st.sampled_from(["stop", "length"]),
)


@given(responses)
def test_every_response_survives_encoding(response: ModelResponse) -> None:
    assert decode_response(encode_response(response)) == response


@pytest.mark.parametrize("text", ["one\u2028two", "one\x85two", "one\r\ntwo"])
async def test_any_text_is_recorded_and_replayed(path: Path, text: str) -> None:
    original = await Agent(RecordingModel(ScriptedModel([text]), path)).run(text)
    replayed = await Agent(ReplayModel(path)).run(text)
    assert replayed.messages == original.messages


async def test_a_malformed_call_is_recorded_and_replayed(path: Path) -> None:
    script: list[Answer] = [ToolCall("add", {}, malformed='{"a":1,}'), "Sorry."]
    original = await agent(RecordingModel(ScriptedModel(script), path)).run("go")
    replayed = await agent(ReplayModel(path)).run("go")
    assert replayed.messages == original.messages
    assert replayed.steps[0].message.calls[0].malformed == '{"a":1,}'
    assert replayed.steps[0].results[0].is_error


async def test_a_stream_is_recorded_too(path: Path) -> None:
    streamed = [event async for event in agent(RecordingModel(ScriptedModel(SCRIPT), path)).stream("go")]
    last = streamed[-1]
    assert isinstance(last, RunFinished)
    assert (await agent(ReplayModel(path)).run("go")).messages == last.result.messages


DRAFTS = [
    CanvasState(0, 1, ("Hi", "."), (True, False), committed=False),
    CanvasState(0, 2, ("Hi", "!"), (True, True), committed=True),
]


async def test_canvases_and_pieces_of_text_are_recorded_and_shown_again(path: Path) -> None:
    response = ModelResponse(AssistantMessage("Hi!"), ModelUsage(canvases=1, denoising_steps=2))
    original = StreamingModel(*DRAFTS, TextChunk("Hi"), TextChunk("!"), response)
    recorded = [event async for event in Agent(RecordingModel(original, path)).stream("go")]
    replayed = [event async for event in Agent(ReplayModel(path)).stream("go")]
    assert [event for event in replayed if isinstance(event, (CanvasUpdate, TextDelta))] == [
        CanvasUpdate(0, DRAFTS[0]),
        CanvasUpdate(0, DRAFTS[1]),
        TextDelta(0, "Hi"),
        TextDelta(0, "!"),
    ]
    assert [type(event) for event in replayed] == [type(event) for event in recorded]
    assert (await Agent(ReplayModel(path)).run("go")).output == "Hi!"


async def test_what_a_turn_cost_and_who_wrote_it_is_recorded(path: Path) -> None:
    answer = ModelResponse(AssistantMessage("a"), ModelUsage(generated_tokens=5))
    broken = ScriptedModel([ModelError("down")])
    sound = ScriptedModel([answer], name="sound", price=Price(input=0, output=1e6))
    original = await RecordingModel(FirstThatWorks(broken, sound), path).respond(ModelRequest([]))
    replayed = await ReplayModel(path).respond(ModelRequest([]))
    assert (replayed, replayed.model, replayed.usage.cost) == (original, "sound", 5.0)


async def test_what_the_recorded_model_can_do_beside_answering_is_asked_of_it(path: Path) -> None:
    counting = RecordingModel(CountingModel(3), path)
    assert counting.count_tokens([UserMessage("a")]) == 3
    priced = RecordingModel(ScriptedModel([], price=Price(input=1, output=2)), path)
    assert priced.price == Price(input=1, output=2)
    assert not hasattr(priced, "count_tokens")
