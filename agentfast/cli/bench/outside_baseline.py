"""The outside baseline: `transformers` generate() with an `outlines` logits processor, in a plain sequential loop.

The same weights, prompts, chat format and tools as the autoregressive seat, and nothing of this project's engine: every
turn encodes its whole conversation anew, and one request runs at a time. outlines does not enforce all of JSON Schema
(not the bounds of numbers, for one), so a call may break its schema here.
"""

from __future__ import annotations

import importlib
import json
import re
import warnings
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

import torch

from agentfast.agent.result import Step
from agentfast.chat.json import CALL, CALL_OPENING, JsonChat
from agentfast.cli.bench.attempts import Conversation, TaskRecord, judge
from agentfast.cli.desk import LIMITS, MAX_TOKENS, SETTINGS
from agentfast.errors import ConfigError, ModelError
from agentfast.messages import Message, SystemMessage, ToolMessage, UserMessage
from agentfast.models.base import ModelUsage
from agentfast.models.local.rendering import SegmentCodec
from agentfast.nano.tasks import Task
from agentfast.runtime.model.checkpoint.files import tokenizer_file
from agentfast.runtime.model.checkpoint.load import load_checkpoint
from agentfast.tools.call import ToolDefinition
from agentfast.tools.executor import Executor
from agentfast.tools.registry import ToolRegistry

NEEDED = ("transformers", "outlines", "outlines_core.json_schema")


def missing_libraries() -> str:
    """The reason why there is no outside baseline here, "" if there is one."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what these libraries say about each other is not ours
        for name in NEEDED:
            try:
                importlib.import_module(name)
            except ImportError:
                return f"{name.partition('.')[0]} is not installed (pip install 'agentfast[bench]')"
    return ""


class OutsideBaseline:
    """An agent loop over other libraries' generation. Synchronous: the caller waits."""

    def __init__(
        self, path: Path, *, temperature: float, device: str = "cpu", dtype: str = "float32"
    ) -> None:
        """Load the checkpoint.

        Raises:
            ConfigError: a library is missing, or the checkpoint is no autoregressive one.
        """
        if reason := missing_libraries():
            raise ConfigError(f"no outside baseline: {reason}")
        self._transformers: Any = importlib.import_module("transformers")
        self._outlines: Any = importlib.import_module("outlines")
        self._schema_regex: Any = importlib.import_module("outlines_core.json_schema").build_regex_from_schema
        checkpoint = load_checkpoint(path)  # for its tokenizer
        if checkpoint.model.config.kind != "autoregressive":
            raise ConfigError(f"no outside baseline: {path} is not autoregressive")
        self._tokenizer = checkpoint.tokenizer
        self._codec = SegmentCodec(self._tokenizer)
        self._chat = JsonChat()
        self._temperature = temperature * checkpoint.generation.temperature
        self._device = device
        self._transformers.utils.logging.disable_progress_bar()
        load = self._transformers.AutoModelForCausalLM.from_pretrained
        self._model = load(path, dtype=getattr(torch, dtype)).to(device).eval()
        self._steerable = self._outlines.from_transformers(self._model, self._their_tokenizer(path))
        self._generators: dict[tuple[ToolDefinition, ...] | str, Any] = {}
        self.threads = torch.get_num_threads()

    async def solve(self, task: Task, seed: int) -> TaskRecord:
        """The agent's loop at its plainest: generate, parse, run the tools, append."""
        executor = Executor(ToolRegistry(task.tools))
        definitions = executor.registry.definitions
        messages: list[Message] = [SystemMessage(task.instructions), UserMessage(task.prompt)]
        steps: list[Step] = []
        answer, error = None, ""
        self.processor(definitions)  # compiling it is not counted
        torch.manual_seed(seed % 2**63)
        began = perf_counter()
        for _ in range(LIMITS.max_steps or 1):
            tokens = self._generate(messages, definitions)
            try:
                message = self._chat.parse(list(self._codec.decode(tokens)))
            except ModelError as failure:
                error = type(failure).__name__
                break
            messages.append(message)
            steps.append(Step(message, (), ModelUsage(generated_tokens=len(tokens) + 1), 0.0, 0.0))
            if not message.calls:
                answer = message.text
                break
            messages += [ToolMessage.of(await executor.run(call)) for call in message.calls]
        else:
            error = "LimitExceededError"
        return judge(task, Conversation(messages, tuple(steps), answer, perf_counter() - began, error))

    async def choose_threads(self, task: Task) -> None:
        """Keep the faster number of threads: one, or torch's setting."""
        times: dict[int, float] = {}
        with self:
            await self.solve(task, 0)  # warms up
        for threads in sorted({1, self.threads}):
            self.threads = threads
            with self:
                times[threads] = (await self.solve(task, 0)).seconds
        self.threads = min(times, key=lambda threads: times[threads])

    def __enter__(self) -> None:
        """Run with its own number of threads.

        Masking logits is compiled by outlines, with a C++ compiler and for many seconds; the same operations as they
        are take no longer, and that is how they are run.
        """
        self._threads_before = torch.get_num_threads()
        torch.set_num_threads(self.threads)
        self._stance: Any = torch.compiler.set_stance("force_eager")
        self._stance.__enter__()

    def __exit__(self, *error: object) -> None:
        self._stance.__exit__(*error)
        torch.set_num_threads(self._threads_before)

    def processor(self, tools: tuple[ToolDefinition, ...]) -> Any:
        """The logits processor of a turn, at its start. Compiled once for each set of tools."""
        key = json.dumps([(tool.name, tool.parameters) for tool in tools], sort_keys=True)
        if key not in self._generators:
            regex = self._outlines.types.Regex(self.turn_regex(tools))
            self._generators[key] = self._outlines.Generator(self._steerable, regex, "outlines_core")
        processor = self._generators[key].logits_processor
        processor.reset()
        return processor

    def turn_regex(self, tools: Sequence[ToolDefinition]) -> str:
        """Calls, or a text that does not begin like one."""
        calls = [
            re.escape(f'{CALL}{CALL_OPENING}{json.dumps(tool.name)},"arguments":')
            + self._schema_regex(json.dumps(tool.parameters), "")
            + re.escape("}")
            for tool in tools
        ]
        text = "([^{<][^<]*)?"
        return f"(({'|'.join(calls)}){{1,{SETTINGS.max_calls}}}|{text})" if calls else text

    def _generate(self, messages: Sequence[Message], tools: tuple[ToolDefinition, ...]) -> list[int]:
        """The turn's tokens, without the end token."""
        rendered = [*self._chat.render(messages, 0, tools, None), *self._chat.open_turn(messages)]
        prompt = torch.tensor([self._codec.encode(rendered)], device=self._device)
        sampling: dict[str, Any] = {"do_sample": False}
        if self._temperature > 0:
            sampling = {"do_sample": True, "temperature": self._temperature, "top_k": 0, "top_p": 1.0}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            written = self._model.generate(
                prompt,
                attention_mask=torch.ones_like(prompt),
                logits_processor=self._transformers.LogitsProcessorList([self.processor(tools)]),
                max_new_tokens=MAX_TOKENS,
                **sampling,
            )
        tokens: list[int] = written[0, prompt.shape[1] :].tolist()
        ends = [at for at, token in enumerate(tokens) if token in self._tokenizer.vocabulary.eos_ids]
        return tokens[: ends[0]] if ends else tokens

    def _their_tokenizer(self, path: Path) -> Any:
        vocabulary = self._tokenizer.vocabulary
        ends = [name for name, index in vocabulary.special.items() if index in vocabulary.eos_ids]
        return self._transformers.PreTrainedTokenizerFast(
            tokenizer_file=str(tokenizer_file(path)), eos_token=ends[0], pad_token=ends[0]
        )


async def solve_in_turn(
    baseline: OutsideBaseline, tasks: Sequence[Task], seeds: Sequence[int], limit_s: float
) -> list[TaskRecord]:
    """Solve one task after another until none is left or the time is over; the first is always solved."""
    records: list[TaskRecord] = []
    began = perf_counter()
    with baseline:
        for task, seed in zip(tasks, seeds, strict=True):
            if records and perf_counter() - began >= limit_s:
                break
            records.append(await baseline.solve(task, seed))
    return records
