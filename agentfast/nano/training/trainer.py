"""One training run in a folder: its recipe, its state, its checkpoints."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from agentfast.errors import CheckpointError
from agentfast.nano.shop.splits import Split
from agentfast.nano.training.corpus.batches import BatchStream, TrainingBatch, episode_texts
from agentfast.nano.training.corpus.episodes import episodes
from agentfast.nano.training.losses import LoadBalance, denoiser, encode, losses
from agentfast.nano.training.optimizer import make_optimizers
from agentfast.nano.training.presets import PRESETS, initialise
from agentfast.nano.training.tokenizer import train_tokenizer
from agentfast.nano.training.workers import Workers
from agentfast.runtime.core.config import GenerationDefaults
from agentfast.runtime.core.tokenizer import Tokenizer
from agentfast.runtime.model.block_diffusion import BlockDiffusionModel
from agentfast.runtime.model.checkpoint.checksums import write_checksums
from agentfast.runtime.model.checkpoint.save import save_checkpoint
from agentfast.runtime.model.layers import fuse_norms

TOKENIZER_EPISODES = 20_000
END_ID = 1
GENERATION = GenerationDefaults(
    max_denoising_steps=3,
    t_max=0.4,
    stability_threshold=0,
    confidence_threshold=0.15,
    canvas_lengths=(12, 16, 24, 32, 64, 128),
    usual_canvas=24,
    verify=0.1,
    verify_entropy=0.001,
    max_reopenings=8,
    trusted_entropy=0.05,
    trusted_call_entropy=0.001,
    temperature=0.2,
)
"""Decoding defaults of both twins; see ABLATIONS.md."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """All settings that determine a run's result."""

    preset: str = "cpu"
    decoder: str = "diffusion"
    seed: int = 0
    steps: int = 6000
    batch_size: int = 16
    matrix_lr: float = 0.02
    other_lr: float = 3e-3
    peak: float = 1.0
    warmup: int = 100
    cooldown: float = 0.25
    balance: float = 0.01
    canvas_lengths: tuple[int, ...] = (16,) * 3 + (32,) * 5 + (64,) * 3 + (128,)

    def learning_rate_factor(self, step: int) -> float:
        """Warmup to `peak`, constant, then linear to zero over the last `cooldown` share of the steps."""
        left = (self.steps - step) / max(1.0, self.cooldown * self.steps)
        return self.peak * min(1.0, (step + 1) / self.warmup, left)

    @property
    def cooldown_start(self) -> int:
        """The step at which the learning rate begins to fall."""
        return self.steps - int(self.cooldown * self.steps)


def load_tokenizer(folder: Path, seed: int) -> Tokenizer:
    """The run's tokenizer, trained first if there is none."""
    path = folder / "tokenizer.json"
    if not path.exists():
        texts = (
            t
            for e in islice(episodes(seed=seed, split="train"), TOKENIZER_EPISODES)
            for t in episode_texts(e)
        )
        train_tokenizer(texts).save(str(path))
    return Tokenizer.from_file(path, [END_ID])


class Trainer:
    """One training run in a folder."""

    def __init__(
        self, folder: Path, recipe: Recipe, device: str = "cpu", workers: Workers | None = None
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.workers = workers or Workers()
        self.folder, self.recipe, self.device, self.step = folder, recipe, device, 0
        self.tokenizer = load_tokenizer(folder, recipe.seed)
        config = PRESETS[recipe.preset].model_config(self.tokenizer.vocabulary.size, recipe.decoder)
        torch.manual_seed(recipe.seed)
        self.model = BlockDiffusionModel(config)
        initialise(self.model)
        self.model.to(device)
        if torch.device(device).type != "cpu":
            fuse_norms(self.model)
        self.optimizers = make_optimizers(self.model, matrix_lr=recipe.matrix_lr, other_lr=recipe.other_lr)
        self.base_lrs = [group["lr"] for optimizer in self.optimizers for group in optimizer.param_groups]
        self.balance = LoadBalance(self.model)
        self.stream = self._stream(recipe.canvas_lengths, "train", batches_per_chunk=16)
        self.held_out = self._stream((config.canvas_length,), "test", batches_per_chunk=4)

    def _stream(self, canvas_lengths: tuple[int, ...], split: Split, batches_per_chunk: int) -> BatchStream:
        return BatchStream(
            self.tokenizer,
            seed=self.recipe.seed,
            batch_size=self.recipe.batch_size,
            canvas_lengths=canvas_lengths,
            split=split,
            batches_per_chunk=batches_per_chunk,
            shard=(self.workers.rank, self.workers.count) if split == "train" else (0, 1),
        )

    def train_step(self) -> dict[str, float]:
        """One optimiser step; returns its measurements."""
        factor = self.recipe.learning_rate_factor(self.step)
        groups = [group for optimizer in self.optimizers for group in optimizer.param_groups]
        for group, base in zip(groups, self.base_lrs, strict=True):
            group["lr"] = base * factor
        seed = (self.recipe.seed * 1_000_003 + self.step) * self.workers.count + self.workers.rank
        generator = torch.Generator().manual_seed(seed)
        self.balance.reset()
        result = losses(self.model, self.stream.batch(self.step).to(self.device), generator)
        balance = self.balance.loss()
        torch.autograd.backward(result.total + self.recipe.balance * balance)
        self.workers.average_gradients(self.model)
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        for optimizer in self.optimizers:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        self.step += 1
        measured = {"causal": result.causal.item(), "balance": balance.item()}
        return measured if result.denoise is None else {"denoise": result.denoise.item(), **measured}

    @torch.no_grad()
    def evaluate(self, batches: int = 4) -> dict[str, float]:
        """Accuracy on held-out episodes, from pure noise in a single step: share of right tokens and of exact canvases."""
        if self.recipe.decoder == "autoregressive":
            return {}
        right = tokens = exact = canvases = 0.0
        for number in range(batches):
            batch = self.held_out.batch(number).to(self.device)
            guess = one_step(self.model, batch, torch.Generator().manual_seed(number))
            counted = batch.canvas_weights == 1.0
            hit = (guess == batch.canvas) & counted
            right += hit.sum().item()
            tokens += counted.sum().item()
            exact += (hit == counted).all(dim=1).sum().item()
            canvases += len(batch.canvas)
        return {"one_step_tokens": right / tokens, "one_step_exact": exact / canvases}

    def save(self, name: str) -> None:
        """Write a checkpoint of the run, atomically."""
        state = {
            "step": self.step,
            "model": self.model.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
        }
        partial = self.folder / f"{name}.partial"
        torch.save(state, partial)
        partial.replace(self.folder / name)

    def export(self, path: Path) -> None:
        """Write the model as a Hugging Face checkpoint directory, in fp16, with checksums."""
        tokenizer = self.folder / "tokenizer.json"
        save_checkpoint(
            self.model,
            path,
            tokenizer=tokenizer,
            eos_ids=[END_ID],
            generation=GENERATION,
            dtype=torch.float16,
        )
        write_checksums(path)

    def restore(self, path: Path) -> None:
        """Go on from a checkpoint of this recipe."""
        state: dict[str, Any] = torch.load(path, map_location=self.device, weights_only=True)
        self.step = state["step"]
        self.model.load_state_dict(state["model"])
        for optimizer, saved in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)

    def branch(self, trunk: Path) -> None:
        """Start from the weights of another run at its constant learning rate; only self-conditioning may be left out.

        Raises:
            CheckpointError: the trunk has other layers than the preset.
        """
        state: dict[str, Any] = torch.load(trunk / "stable.pt", map_location=self.device, weights_only=True)
        weights: dict[str, torch.Tensor] = state["model"]
        if self.recipe.decoder == "autoregressive":
            weights = {name: w for name, w in weights.items() if not name.startswith("self_conditioning.")}
        try:
            self.model.load_state_dict(weights)
        except RuntimeError as error:
            raise CheckpointError(
                f"{trunk} does not fit the preset {self.recipe.preset!r}: {str(error).splitlines()[1].strip()}",
                hint="`python -m agentfast.nano.training.grow` makes a deeper trunk",
            ) from error

    def run(self, *, evaluate_every: int = 250, save_every: int = 100) -> None:
        """Train to the end, with a progress bar, a log in `log.jsonl` and checkpoints, all by the first worker."""
        if self.workers.rank > 0:
            while self.step < self.recipe.steps:
                self.train_step()
            return
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns) as progress, (self.folder / "log.jsonl").open("a") as log:
            bar = progress.add_task("training", total=self.recipe.steps, completed=self.step)
            started = time.monotonic()
            while self.step < self.recipe.steps:
                if self.step == self.recipe.cooldown_start:
                    self.save("stable.pt")
                measured = self.train_step()
                description = " ".join(f"{key} {value:.3f}" for key, value in measured.items())
                progress.update(bar, completed=self.step, description=description)
                if self.step % 25 == 0 or self.step == self.recipe.steps:
                    evaluated = self.evaluate() if self.step % evaluate_every == 0 else {}
                    line = {"step": self.step, "seconds": time.monotonic() - started, **measured, **evaluated}
                    print(
                        json.dumps({key: round(value, 4) for key, value in line.items()}),
                        file=log,
                        flush=True,
                    )
                if self.step % save_every == 0:
                    self.save("last.pt")
        self.save("last.pt")
        if self.recipe.cooldown_start == self.recipe.steps:
            self.save("stable.pt")


@torch.no_grad()
def one_step(model: BlockDiffusionModel, batch: TrainingBatch, generator: torch.Generator) -> torch.Tensor:
    """Arg-max canvases [N, C] after one denoising step from pure noise."""
    encoded, _ = encode(model, batch)
    noise = torch.randint(model.config.vocab_size, batch.canvas.shape, generator=generator).to(
        batch.canvas.device
    )
    return model.logits(denoiser(model, batch, encoded)(noise, None)).argmax(dim=-1).view(batch.canvas.shape)
