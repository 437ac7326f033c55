"""Given the same noise and the same draws, the engine generates the tokens that transformers' generate does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from agentfast.runtime.core.config import EngineConfig
from agentfast.runtime.core.random_streams import PhiloxStreams
from agentfast.runtime.engine.engine import Engine
from agentfast.runtime.model.checkpoint.load import LoadedCheckpoint, load_checkpoint
from agentfast.runtime.scheduling.request import Completion, Request
from tests.support import reference_checkpoints as tiny

LENGTHS = [17, 3, 9, 8]  # of the prompts; the window is 6
STEPS = 10


class TheirDraws:
    """Gives transformers, whose batch shares one generator, what each row draws in our engine.

    A row that has settled draws no more until its next canvas, while transformers goes on drawing for the batch: the
    noise of a row's settling step is its next canvas' first noise.
    """

    def __init__(self, seeds: Sequence[int]) -> None:
        self.rows = [PhiloxStreams(seed, tiny.VOCABULARY) for seed in seeds]
        self.settled = torch.zeros(len(seeds), dtype=torch.bool)
        self.unused: list[NDArray[np.int64] | None] = [None] * len(seeds)

    def randint(self, low: int, high: int, size: tuple[int, int], device: object = None) -> Tensor:
        """Noise [B, C]."""
        assert (low, high, size[0]) == (0, tiny.VOCABULARY, len(self.rows))
        noise = np.zeros(size, np.int64)
        for row, draws in enumerate(self.rows):
            if not self.settled[row]:
                kept = self.unused[row]
                noise[row] = draws.noise(size[1]) if kept is None else kept
                self.unused[row] = noise[row]
        return torch.from_numpy(noise)

    def multinomial(self, p: Tensor, num_samples: int) -> Tensor:
        """p [B * C, V] -> [B * C, 1]: the first token whose cumulative probability exceeds the row's uniform."""
        assert num_samples == 1
        cumulative = p.double().view(len(self.rows), -1, p.shape[-1]).cumsum(-1)  # [B, C, V]
        u = torch.zeros(cumulative.shape[:2], dtype=torch.float64)
        for row, draws in enumerate(self.rows):
            if not self.settled[row]:
                u[row] = torch.from_numpy(draws.uniforms(u.shape[1]))
        below = cumulative <= (u[..., None] * cumulative[..., -1:])
        return below.sum(-1).view(-1, 1)

    def step(self, original: Callable[..., Any]) -> Callable[..., Any]:
        """Wraps a denoising step, to learn which rows it settles."""

        def wrapped(**arguments: Any) -> Any:
            self.settled = arguments["finished_denoising"].clone()
            self.unused = [
                kept if done else None for kept, done in zip(self.unused, self.settled, strict=True)
            ]
            result = original(**arguments)
            self.settled = torch.zeros_like(
                self.settled
            )  # the next draw is the next step's or the next canvas'
            return result

        return wrapped


@dataclass(frozen=True)
class Generated:
    """A row of what generate returned, up to and without the end token, and its denoising steps."""

    tokens: list[int]
    steps: int | None


def theirs(
    reference: Any, requests: Sequence[Request], patch: pytest.MonkeyPatch, **options: Any
) -> list[Generated]:
    """Generations of transformers for a left-padded batch."""
    lengths = [len(request.prompt) for request in requests]
    longest = max(lengths)
    padded = torch.tensor([[0] * (longest - len(r.prompt)) + list(r.prompt) for r in requests])
    mask = torch.tensor([[0] * (longest - length) + [1] * length for length in lengths])
    draws = TheirDraws([request.seed for request in requests])
    with patch.context() as patched:
        patched.setattr(torch, "randint", draws.randint)
        patched.setattr(torch, "multinomial", draws.multinomial)
        # It concerns CUDA graphs only, and imports torch's compiler, which warns.
        patched.setattr(torch.compiler, "cudagraph_mark_step_begin", lambda: None)
        if hasattr(reference, "_denoising_step"):
            patched.setattr(reference, "_denoising_step", draws.step(reference._denoising_step))
        out = reference.generate(
            padded,
            attention_mask=mask,
            max_new_tokens=requests[0].max_tokens,
            eos_token_id=tiny.EOS,
            pad_token_id=0,
            return_dict_in_generate=True,
            **options,
        )
    new = out.sequences[:, longest:]
    per_forward = getattr(out, "tokens_per_forward", None)
    steps = (
        [None] * len(requests) if per_forward is None else ((new != 0).sum(-1) / per_forward).round().tolist()
    )
    rows = [[int(token) for token in row] for row in new]
    return [
        Generated(row[: row.index(tiny.EOS)] if tiny.EOS in row else row, count)
        for row, count in zip(rows, steps, strict=True)
    ]


def ours(checkpoint: LoadedCheckpoint, requests: Sequence[Request]) -> list[Completion]:
    """Completions of the engine for all requests at once."""

    async def run() -> list[Completion]:
        config = EngineConfig(generation=checkpoint.generation, cache_tokens=1024, block_size=4)
        async with Engine(checkpoint.model, checkpoint.tokenizer, config) as engine:
            return await asyncio.gather(*(engine.submit(request) for request in requests))

    return asyncio.run(run())


def requests_of(seed: int, max_tokens: int, temperature: float = 1.0) -> list[Request]:
    """Prompts of unequal lengths."""
    return [
        Request(
            tuple(tiny.ids(length, seed=100 * seed + length)),
            max_tokens=max_tokens,
            seed=1000 * seed + row,
            temperature=temperature,
        )
        for row, length in enumerate(LENGTHS)
    ]


@pytest.fixture(scope="module")
def diffusion(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, LoadedCheckpoint]:
    """A model of transformers, and ours from its checkpoint.

    Its logits are sharp and its canvases settle, mostly before the last step. Blocks and self-conditioning count for
    less than in the logits tests, where each step multiplies rounding errors until the tokens differ.
    """
    reference = tiny.diffusion_gemma(seed=5)
    decoder = reference.model.decoder
    with torch.no_grad():
        decoder.embed_tokens.weight.mul_(4)
        decoder.self_conditioning.down_proj.weight.mul_(0.3)
        for layer in decoder.layers:
            layer.post_attention_layernorm.weight.mul_(0.3)
            layer.post_feedforward_layernorm.weight.mul_(0.3)
    reference.generation_config = type(reference.generation_config)(
        max_denoising_steps=STEPS,
        t_min=0.3,
        t_max=0.9,
        stability_threshold=1,
        confidence_threshold=0.3,
        sampler_config={"_cls_name": "EntropyBoundSamplerConfig", "entropy_bound": 0.3},
    )
    return reference, load_checkpoint(tiny.save(reference, tmp_path_factory.mktemp("checkpoint")))


@pytest.mark.parametrize(("seed", "ended"), [(0, 0), (1, 1), (2, 0)])
def test_diffusion_over_several_canvases_of_rows_of_unequal_lengths(
    diffusion: tuple[Any, LoadedCheckpoint], seed: int, ended: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    reference, checkpoint = diffusion
    requests = requests_of(seed, max_tokens=5 * tiny.CANVAS)
    got, expected = ours(checkpoint, requests), theirs(reference, requests, monkeypatch)
    assert [list(completion.tokens) for completion in got] == [row.tokens for row in expected]
    assert [completion.usage.steps for completion in got] == [row.steps for row in expected]
    assert [completion.finish_reason for completion in got].count("stop") == ended
    for completion in got:  # some canvases settled before the last step
        assert completion.usage.canvases < completion.usage.steps < STEPS * completion.usage.canvases


@pytest.mark.parametrize("temperature", [0.0, 0.7])
@pytest.mark.parametrize("seed", range(2))
def test_autoregressive_rows_of_unequal_lengths(
    seed: int, temperature: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reference = tiny.gemma4_text(seed=6)
    checkpoint = load_checkpoint(tiny.save(reference, tmp_path))
    requests = requests_of(seed, max_tokens=20, temperature=temperature)
    sampling = (
        {"do_sample": True, "temperature": temperature, "top_k": 0} if temperature else {"do_sample": False}
    )
    expected = theirs(reference, requests, monkeypatch, **sampling)
    got = ours(checkpoint, requests)
    assert [list(completion.tokens) for completion in got] == [row.tokens for row in expected]
