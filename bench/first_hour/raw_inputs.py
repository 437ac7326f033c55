"""Raw inputs: mistakes of users, each of which becomes a typed error that says what to do, at the earliest moment."""

from __future__ import annotations

import json
from typing import Annotated, Any

import pydantic
from pydantic import Field

from agentfast import Agent, LocalModel, ScriptedModel, Settings, ToolCall, ToolMessage, nano
from bench.first_hour.items import expect, item, refusal
from bench.first_hour.losing import DESK, find
from bench.first_hour.models import embedded, wait_for
from bench.first_hour.programs import environment, new_folder, python, run

HELLO = ScriptedModel(["hello"])
ANY: Any = Agent
SCRIPTED: Any = ScriptedModel


class Total(pydantic.BaseModel):
    """A typed answer."""

    a: int


@item
def alias() -> None:
    """A tool whose parameter has an alias is called by it."""

    def weather(city: Annotated[str, Field(alias="location")] = "Oslo") -> str:
        """The weather."""
        return city

    agent = Agent(ScriptedModel([ToolCall("weather", {"location": "Rome"}), "done"]), tools=[weather])
    content = [m.content for m in wait_for(agent.run("go")).messages if isinstance(m, ToolMessage)]
    expect(content == ['"Rome"'], content)
    chosen = Agent(embedded(), tools=[weather], instructions=DESK, tool_choice="weather")
    (call,) = wait_for(chosen.run("The weather in Rome?")).steps[0].message.calls
    expect(set(call.arguments) <= {"location"}, call)


@item
def surrogate_in_a_prompt() -> None:
    """Half a surrogate pair in a prompt is refused before anything starts, and the agent goes on."""
    agent = Agent(embedded(), instructions=DESK)
    refusal(lambda: wait_for(agent.run("\ud83d")), "prompt", "surrogate")
    wait_for(agent.run("Hello"))


@item
def absent_email_validator() -> None:
    """`EmailStr` without its package says which package to install, when the tool is made."""
    code = (
        "import sys\nsys.modules['email_validator'] = None\nfrom pydantic import EmailStr\n"
        "from agentfast import AgentFastError, tool\ndef send(to: EmailStr) -> str:\n    return to\n"
        "try:\n    tool(send)\nexcept AgentFastError as error:\n    print(error)"
    )
    ran = run(python(code), environment())
    expect("email-validator" in ran.output and "send" in ran.output, ran)


@item
def prompt_of_another_kind() -> None:
    """`run_sync(5)` and `run_sync(None)` name the prompt and its type."""
    agent = ANY(HELLO)
    refusal(lambda: agent.run_sync(5), "prompt is 5", "it takes a str")
    refusal(lambda: agent.run_sync(None), "prompt is None", "it takes a str")


@item
def model_by_name() -> None:
    """`Agent("openai:gpt-4o")` says what a model is."""
    refusal(lambda: ANY("openai:gpt-4o"), "model", "openai:gpt-4o", "OpenAIModel")


@item
def instructions_as_a_function() -> None:
    """Instructions that are a function are refused: functions are not supported yet."""
    refusal(lambda: ANY(HELLO, instructions=lambda: "x"), "instructions", "functions are not supported")


@item
def output_type_as_a_function() -> None:
    """An output type that is a function is refused, with what it takes."""
    refusal(lambda: ANY(HELLO, output_type=lambda x: x), "output_type")  # pyright: ignore


@item
def script_of_a_value() -> None:
    """A script's entry that is a pydantic value is refused by its place, with its JSON text as the way."""
    refusal(lambda: SCRIPTED([Total(a=1)]), "script[0]", "model_dump_json")


@item
def temperature_as_a_word() -> None:
    """`Settings(temperature="hot")` names the setting and what it takes."""
    hot: Any = "hot"
    refusal(lambda: Settings(temperature=hot), "temperature", "hot", "number")


@item
def agent_as_a_tool() -> None:
    """An agent among the tools is refused, with how to wrap it in a function."""
    refusal(lambda: ANY(HELLO, tools=[Agent(HELLO)]), "agent", "function")


@item
def misspelt_tool_choice() -> None:
    """`tool_choice="reqired"` names the argument and offers "required"."""
    refusal(lambda: Agent(HELLO, tools=[find], tool_choice="reqired"), "tool_choice", "reqired", "'required'")


@item
def absent_confidence_field() -> None:
    """The confidence of a field that is not there lists those that are."""

    class Order(pydantic.BaseModel):
        """An order."""

        number: Annotated[int, Field(ge=0, le=9)]

    result = wait_for(Agent(embedded(), instructions=DESK, output_type=Order).run("Order 4."))
    confidence = result.confidence
    expect(confidence is not None, confidence)
    assert confidence is not None
    refusal(lambda: confidence["city"], "city", "number")
    expect(confidence["number"] > 0, confidence)


@item
def unknown_tool() -> None:
    """An unknown tool gets a suggestion where a name is similar, and none where no name is."""
    calls = [ToolCall("fnd", {}), ToolCall("zebra", {})]
    messages = wait_for(Agent(ScriptedModel([calls, "done"]), tools=[find]).run("go")).messages
    near, far = (m.content for m in messages if isinstance(m, ToolMessage))
    expect("did you mean" in near and "find" in near, near)
    expect("did you mean" not in far, far)


@item
def output_cut_off() -> None:
    """A budget below the shortest answer names the setting that has to be raised."""
    agent = Agent(embedded(), instructions=DESK, output_type=Total, settings=Settings(max_tokens=2))
    refusal(lambda: wait_for(agent.run("Count.")), "max_tokens")


def model_files() -> dict[str, bytes]:
    """The embedded model's own files, without their checksums."""
    return {path.name: path.read_bytes() for path in nano.WEIGHTS.iterdir() if path.name != "SHA256SUMS"}


def refused_checkpoint(files: dict[str, bytes], *words: str, inside: str = "") -> None:
    """A folder with these files, or a file in it, is refused as a checkpoint with these words."""
    folder = new_folder("checkpoint")
    for name, content in files.items():
        (folder / name).write_bytes(content)
    refusal(lambda: LocalModel.from_checkpoint(folder / inside), *words)


@item
def gguf() -> None:
    """A GGUF file, and a folder with one, are named for what they are, with a way to use them."""
    refused_checkpoint({"m.gguf": b"GGUF\3\0\0\0"}, "GGUF", "llama.cpp", inside="m.gguf")
    refused_checkpoint({"m.gguf": b"GGUF\3\0\0\0"}, "m.gguf", "GGUF", "llama.cpp")


@item
def lora_adapter() -> None:
    """The folder of a LoRA adapter is named for what it is, with a way to use it."""
    config = json.dumps({"peft_type": "LORA", "base_model_name_or_path": "google/gemma"}).encode()
    refused_checkpoint(
        {"adapter_config.json": config, "adapter_model.safetensors": b""}, "LoRA adapter", "merge"
    )


@item
def mlx_folder() -> None:
    """A folder with weights for MLX is named for what it is."""
    config = json.loads((nano.WEIGHTS / "config.json").read_text())
    config |= {"quantization": {"group_size": 64, "bits": 4}}
    refused_checkpoint(model_files() | {"config.json": json.dumps(config).encode()}, "MLX")
    refused_checkpoint({"weights.npz": b""}, "MLX")


@item
def adapter_beside_a_model() -> None:
    """An adapter beside a model's weights is refused: it would be ignored."""
    adapter = {"adapter_model.safetensors": b""}
    refused_checkpoint(model_files() | adapter, "adapter_model.safetensors", "LoRA adapter")
