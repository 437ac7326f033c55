"""Episodes as training batches: a causal sequence, and a noised canvas for each assistant turn."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from agentfast.chat.json import PAD, render_declarations, render_message
from agentfast.messages import AssistantMessage, SystemMessage
from agentfast.nano.shop.splits import Split
from agentfast.nano.training.corpus.episodes import Episode, episodes
from agentfast.runtime.core.tokenizer import Tokenizer


@dataclass(frozen=True, slots=True)
class Encoded:
    """An episode as tokens; `turns` are the [start, end) ranges of the assistant's turns, end token included."""

    tokens: list[int]
    turns: list[tuple[int, int]]
    kind: str


def encode_episode(episode: Episode, tokenizer: Tokenizer) -> Encoded:
    """Render as the chat format does, with the ranges of the assistant's turns."""
    declarations = render_declarations(episode.tools, episode.output_schema)
    tokens: list[int] = []
    turns: list[tuple[int, int]] = []
    for message in episode.messages:
        start = len(tokens) + 1  # after the assistant token
        for is_special, text in render_message(
            message, declarations if isinstance(message, SystemMessage) else ""
        ):
            if is_special:
                tokens.append(tokenizer.special(text))
            else:
                tokens.extend(tokenizer.encode(text))
        if isinstance(message, AssistantMessage):
            turns.append((start, len(tokens)))
    return Encoded(tokens, turns, episode.kind)


def episode_texts(episode: Episode) -> Iterator[str]:
    """The texts of an episode without special tokens, to train the tokenizer on."""
    declarations = render_declarations(episode.tools, episode.output_schema)
    for message in episode.messages:
        extra = declarations if isinstance(message, SystemMessage) else ""
        yield from (text for is_special, text in render_message(message, extra) if not is_special)


@dataclass(frozen=True, slots=True)
class TrainingBatch:
    """B episodes of at most L tokens, and N canvases of C tokens that continue them.

    tokens [B, L] int64, padded on the right; lengths [B]; weights [B, L] float32, of each token as a causal target.
    owner [N] int64, the episode of each canvas; start [N] int64, its first position; canvas [N, C] int64, the clean
    target; canvas_weights [N, C] float32.
    """

    tokens: Tensor
    lengths: Tensor
    weights: Tensor
    owner: Tensor
    start: Tensor
    canvas: Tensor
    canvas_weights: Tensor

    def to(self, device: str) -> TrainingBatch:
        """The same batch on another device."""
        return TrainingBatch(*(getattr(self, name).to(device) for name in self.__slots__))

    def twice(self) -> TrainingBatch:
        """The same episodes with every canvas twice: [2 N, C], the second time in the second half."""
        return replace(
            self,
            owner=self.owner.repeat(2),
            start=self.start.repeat(2),
            canvas=self.canvas.repeat(2, 1),
            canvas_weights=self.canvas_weights.repeat(2, 1),
        )


CONTEXT_WEIGHT = 0.1  # of tokens that the model will only ever read
TAIL_WEIGHT = 0.2  # of padding after the end of a turn, which says where the turn ends


def make_batch(encoded: list[Encoded], canvas_length: int, pad: int) -> TrainingBatch:
    """Pad the episodes, cut every turn into canvases."""
    length = max(len(item.tokens) for item in encoded)
    tokens = torch.full((len(encoded), length), pad)
    weights = torch.zeros(len(encoded), length)
    owner: list[int] = []
    start: list[int] = []
    canvases: list[list[int]] = []
    canvas_weights: list[list[float]] = []
    for row, item in enumerate(encoded):
        tokens[row, : len(item.tokens)] = torch.tensor(item.tokens)
        weights[row, : len(item.tokens)] = CONTEXT_WEIGHT
        for begin, end in item.turns:
            weights[row, begin:end] = 1.0
            for position in range(begin, end, canvas_length):
                target = item.tokens[position : min(position + canvas_length, end)]
                tail = canvas_length - len(target)
                owner.append(row)
                start.append(position)
                canvases.append(target + [pad] * tail)
                canvas_weights.append([1.0] * len(target) + [TAIL_WEIGHT] * tail)
    return TrainingBatch(
        tokens=tokens,
        lengths=torch.tensor([len(item.tokens) for item in encoded]),
        weights=weights,
        owner=torch.tensor(owner),
        start=torch.tensor(start),
        canvas=torch.tensor(canvases),
        canvas_weights=torch.tensor(canvas_weights),
    )


class BatchStream:
    """Batches by number: the batch at a step depends on the seed and the step alone, so training can resume anywhere.

    Episodes are made in chunks of `batches_per_chunk` batches and sorted by length within the chunk, to pad little.
    """

    def __init__(
        self,
        tokenizer: Tokenizer,
        *,
        seed: int,
        batch_size: int,
        canvas_lengths: tuple[int, ...],
        split: Split = "train",
        max_length: int = 512,
        batches_per_chunk: int = 16,
        shard: tuple[int, int] = (0, 1),
    ) -> None:
        """Args as they are called; `shard` (i, n) takes every n-th episode of each batch, from the i-th on."""
        self._tokenizer = tokenizer
        self._shard = slice(shard[0], None, shard[1])
        self._seed = seed
        self._batch_size = batch_size
        self._canvas_lengths = canvas_lengths
        self._split: Split = split
        self._max_length = max_length
        self._per_chunk = batches_per_chunk
        self._pad = tokenizer.special(PAD)
        self._chunk: tuple[int, list[list[Encoded]]] = (-1, [])

    def batch(self, step: int) -> TrainingBatch:
        """The batch of a step."""
        number, offset = divmod(step, self._per_chunk)
        if self._chunk[0] != number:
            self._chunk = (number, self._make_chunk(number))
        rng = random.Random(f"{self._seed}/{step}")
        return make_batch(self._chunk[1][offset][self._shard], rng.choice(self._canvas_lengths), self._pad)

    def _make_chunk(self, number: int) -> list[list[Encoded]]:
        wanted = self._per_chunk * self._batch_size
        chunk: list[Encoded] = []
        for episode in episodes(seed=self._seed * 1_000_003 + number, split=self._split):
            encoded = encode_episode(episode, self._tokenizer)
            if len(encoded.tokens) <= self._max_length:
                chunk.append(encoded)
            if len(chunk) == wanted:
                break
        chunk.sort(key=lambda item: len(item.tokens))
        batches = [chunk[i : i + self._batch_size] for i in range(0, wanted, self._batch_size)]
        random.Random(number).shuffle(batches)
        return batches
