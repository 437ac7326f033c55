"""Throughput of the engine against `transformers` generate() on the same weights, prompts and steps.

Regime: a random DiffusionGemma checkpoint of the embedded model's size, saved by transformers and loaded by both; fp32 on
the CPU; adaptive stopping off and no end token, so both do the same number of denoising steps for the same number of
tokens. Requests arrive at once and are of unequal length, in prompt and in output. `transformers` serves them in its best
way: one left-padded batch, which runs until the longest output is done, or (up to 8 requests, beyond which it is far
behind) one after another, each with all threads and with one, which is faster where operations are small. Counted are the tokens that were asked for, over wall time, prefill included. Every
repeat has new prompts, so no cache is warm; repeats alternate between the engines, and the figures are medians with the
range beside them. On a machine that does other work, `--threads 1 --clock cpu` counts the process's own time instead.

    python -m bench.engine [--steps 16] [--repeats 5] [--threads N] [--batches 1 8 32] [--clock wall|cpu]

The last line is JSON: {"batch": {"1": {"ours", "transformers", "ratio", ...}, ...}}, in tokens per second.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import json
import random
import statistics
import tempfile
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter, process_time
from typing import Any, cast

import tokenizers
import torch
from tokenizers import decoders, models, pre_tokenizers

from agentfast.nano.training.presets import PRESETS
from agentfast.runtime.core.config import EngineConfig, GenerationDefaults
from agentfast.runtime.engine.engine import Engine
from agentfast.runtime.jit import cold_start
from agentfast.runtime.model.checkpoint.load import load_checkpoint
from agentfast.runtime.scheduling.request import Request

VOCABULARY = 2048
EOS = 1
PROMPTS = (64, 384)  # tokens
CANVASES = (1, 4)  # per output
SEQUENTIAL_UP_TO = 8

Clock = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Measurement:
    """Tokens per second of the repeats of one engine."""

    name: str
    rates: list[float]

    @property
    def median(self) -> float:
        return statistics.median(self.rates)

    def __str__(self) -> str:
        return f"{self.name} {self.median:7.1f} [{min(self.rates):.1f}..{max(self.rates):.1f}]"


def reference_model() -> Any:
    """A transformers model of the embedded model's shape, with random weights and an end token that never wins."""
    transformers = cast(Any, importlib.import_module("transformers"))
    ours = PRESETS["cpu"].model_config(VOCABULARY, "diffusion")
    text = {
        "vocab_size": VOCABULARY,
        "hidden_size": ours.hidden_size,
        "intermediate_size": ours.intermediate_size,
        "num_hidden_layers": len(ours.layers),
        "layer_types": [f"{kind}_attention" for kind in ours.layers],
        "num_attention_heads": ours.num_heads,
        "num_key_value_heads": ours.sliding.kv_heads,
        "head_dim": ours.sliding.head_dim,
        "num_global_key_value_heads": ours.full.kv_heads,
        "global_head_dim": ours.full.head_dim,
        "sliding_window": ours.sliding.window,
        "num_experts": ours.num_experts,
        "top_k_experts": ours.top_k_experts,
        "moe_intermediate_size": ours.moe_intermediate_size,
        "max_position_embeddings": ours.max_position,
        "eos_token_id": EOS,
    }
    vision = {
        "model_type": "gemma4_vision",
        "hidden_size": 16,
        "intermediate_size": 16,
        "num_hidden_layers": 1,
        "num_attention_heads": 1,
        "num_key_value_heads": 1,
        "head_dim": 16,
    }
    config = transformers.DiffusionGemmaConfig(
        text_config=text, vision_config=vision, canvas_length=ours.canvas_length
    )
    torch.manual_seed(0)
    model = transformers.DiffusionGemmaForBlockDiffusion(config).eval()
    with torch.no_grad():
        model.model.decoder.embed_tokens.weight.normal_(std=ours.hidden_size**-0.5)
        model.model.decoder.embed_tokens.weight[EOS] = 0.0
    return model


def save(model: Any, directory: Path) -> None:
    """The checkpoint, with a tokenizer of bytes."""
    model.save_pretrained(directory)
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    names = ["<pad>", "<eos>", *alphabet]
    backend = tokenizers.Tokenizer(models.BPE({name: index for index, name in enumerate(names)}, []))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    backend.add_special_tokens(["<pad>", "<eos>"])
    backend.save(str(directory / "tokenizer.json"))


def requests(count: int, canvas: int, rng: random.Random) -> list[Request]:
    """Lengths spread evenly over their ranges, in random order; a single request has the middle ones."""
    steps = [(i + 0.5) / count for i in range(count)]
    prompts = [round(PROMPTS[0] + (PROMPTS[1] - PROMPTS[0]) * x) for x in steps]
    outputs = [CANVASES[0] + int((CANVASES[1] - CANVASES[0] + 1) * x) for x in steps]
    rng.shuffle(prompts)
    rng.shuffle(outputs)
    return [
        Request(
            tuple(rng.randrange(2, VOCABULARY) for _ in range(prompt)), max_tokens=canvas * output, seed=i
        )
        for i, (prompt, output) in enumerate(zip(prompts, outputs, strict=True))
    ]


def run_ours(engine: Engine, runner: asyncio.Runner, batch: Sequence[Request], now: Clock) -> float:
    """Seconds for one batch on this engine."""

    async def go() -> None:
        completions = await asyncio.gather(*(engine.submit(request) for request in batch))
        for request, completion in zip(batch, completions, strict=True):
            assert completion.usage.generated_tokens == request.max_tokens

    began = now()
    runner.run(go())
    return now() - began


def run_padded(model: Any, options: dict[str, Any], batch: Sequence[Request], now: Clock) -> float:
    """Seconds for one left-padded batch."""
    longest = max(len(request.prompt) for request in batch)
    tokens = torch.tensor([[0] * (longest - len(request.prompt)) + list(request.prompt) for request in batch])
    mask = torch.tensor(
        [[0] * (longest - len(request.prompt)) + [1] * len(request.prompt) for request in batch]
    )
    began = now()
    model.generate(
        tokens, attention_mask=mask, max_new_tokens=max(request.max_tokens for request in batch), **options
    )
    return now() - began


def run_sequentially(model: Any, options: dict[str, Any], batch: Sequence[Request], now: Clock) -> float:
    """Seconds for one request after another."""
    began = now()
    for request in batch:
        model.generate(torch.tensor([request.prompt]), max_new_tokens=request.max_tokens, **options)
    return now() - began


def with_threads(
    threads: int, way: Callable[..., float], model: Any, options: dict[str, Any], now: Clock
) -> Callable[[Sequence[Request]], float]:
    """`way` of running `transformers`, with so many threads inside its operations."""

    def run(batch: Sequence[Request]) -> float:
        torch.set_num_threads(threads)
        return way(model, options, batch, now)

    return run


def measure(
    engines: dict[str, Callable[[Sequence[Request]], float]], count: int, canvas: int, repeats: int
) -> dict[str, Measurement]:
    """Interleaved repeats of each engine on the same requests; one more before them warms up."""
    rng = random.Random(count)
    rates: dict[str, list[float]] = {name: [] for name in engines}
    for repeat in range(repeats + 1):
        batch = requests(count, canvas, rng)
        tokens = sum(request.max_tokens for request in batch)
        for name, run in engines.items():
            seconds = run(batch)
            if repeat:
                rates[name].append(tokens / seconds)
    return {name: Measurement(name, found) for name, found in rates.items()}


def report(results: dict[str, Measurement]) -> dict[str, Any]:
    """One entry of the JSON line."""
    ours = results["ours"]
    theirs = max((found for name, found in results.items() if name != "ours"), key=lambda found: found.median)
    return {
        "ours": round(ours.median, 1),
        "transformers": round(theirs.median, 1),
        "ratio": round(ours.median / theirs.median, 2),
        "transformers_way": theirs.name,
        "ours_range": [round(min(ours.rates), 1), round(max(ours.rates), 1)],
        "transformers_range": [round(min(theirs.rates), 1), round(max(theirs.rates), 1)],
    }


def main() -> None:
    """Run the benchmark and print its table and JSON line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--steps", type=int, default=16, help="denoising steps per canvas")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--clock", choices=["wall", "cpu"], default="wall")
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 8, 32])
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    cold_start.finish()
    now: Clock = perf_counter if arguments.clock == "wall" else process_time
    warnings.filterwarnings("ignore")
    theirs = reference_model()
    with tempfile.TemporaryDirectory() as directory:
        save(theirs, Path(directory))
        checkpoint = load_checkpoint(directory)
        canvas = checkpoint.model.config.canvas_length
        generation = GenerationDefaults(max_denoising_steps=arguments.steps, adaptive_stopping=False)
        config = EngineConfig(generation=generation, threads=arguments.threads)
        engine = Engine(checkpoint.model, checkpoint.tokenizer, config)
        options = {
            "max_denoising_steps": arguments.steps,
            "confidence_threshold": 1e-30,  # never reached
            "pad_token_id": 0,
        }
        print(
            f"{arguments.threads} threads, fp32, canvas {canvas}, {arguments.steps} steps per canvas, vocabulary "
            f"{VOCABULARY}, prompts {PROMPTS[0]}-{PROMPTS[1]}, outputs {CANVASES[0]}-{CANVASES[1]} canvases; tokens per {arguments.clock} second"
        )
        found: dict[str, Any] = {}
        with asyncio.Runner() as runner:
            for count in arguments.batches:
                engines: dict[str, Callable[[Sequence[Request]], float]] = {
                    "ours": lambda batch: run_ours(engine, runner, batch, now)
                }
                for threads in sorted({arguments.threads, 1}, reverse=True):
                    ways = [("padded", run_padded)]
                    if count <= SEQUENTIAL_UP_TO:
                        ways.append(("sequential", run_sequentially))
                    for name, way in ways:
                        engines[f"{name}/{threads}"] = with_threads(threads, way, theirs, options, now)
                results = measure(engines, count, canvas, arguments.repeats)
                found[str(count)] = entry = report(results)
                print(f"{count:3} requests: {'  '.join(map(str, results.values()))}  ratio {entry['ratio']}")
            runner.run(engine.aclose())
    print(json.dumps({"batch": found}))


if __name__ == "__main__":
    main()
