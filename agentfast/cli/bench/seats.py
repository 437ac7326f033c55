"""Seats of the benchmark: an embedded model, a checkpoint directory, or a server."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch

from agentfast.chat.choose import chat_format_of
from agentfast.cli.bench.checks import EMBEDDED, check_seat
from agentfast.cli.model import check_device
from agentfast.errors import ConfigError
from agentfast.models.base import Model
from agentfast.models.local.model import LocalModel
from agentfast.models.openai.model import OpenAIModel
from agentfast.runtime.core.config import EngineConfig
from agentfast.runtime.engine.engine import Engine
from agentfast.runtime.model.checkpoint.load import load_checkpoint

RETRIES = 4  # of a request to a server


class Seat(ABC):
    """A model that each run of the benchmark gets anew, without caches of earlier runs where this process holds them."""

    def __init__(self, spec: str) -> None:
        self.spec = spec

    @property
    @abstractmethod
    def kind(self) -> str:
        """ "diffusion", "autoregressive" or "remote"."""

    @abstractmethod
    def fresh(self) -> AbstractAsyncContextManager[Model]:
        """The model, for one run of the benchmark."""


class LocalSeat(Seat):
    """A checkpoint. Its weights are loaded once; each run gets a new engine, whose prefix cache is empty."""

    def __init__(
        self, spec: str, path: Path, *, device: str, dtype: torch.dtype, threads: int | None
    ) -> None:
        super().__init__(spec)
        self.path = path
        self._checkpoint = load_checkpoint(path, device=device, dtype=dtype)
        self.chat = chat_format_of(path, self._checkpoint.tokenizer.vocabulary.special)
        self._threads = threads

    @property
    def kind(self) -> str:
        return self._checkpoint.model.config.kind

    @asynccontextmanager
    async def fresh(self) -> AsyncGenerator[Model]:
        found = self._checkpoint
        config = EngineConfig(generation=found.generation, threads=self._threads)
        async with LocalModel(
            Engine(found.model, found.tokenizer, config), self.chat, name=self.spec
        ) as model:
            yield model


class RemoteSeat(Seat):
    """A model behind an OpenAI-compatible server, which keeps its caches between runs."""

    def __init__(self, spec: str, base_url: str, model: str) -> None:
        super().__init__(spec)
        self._make = partial(OpenAIModel, model, base_url=base_url, max_retries=RETRIES)
        self._make()  # what does not fit is found now, not in the middle of a benchmark

    @property
    def kind(self) -> str:
        return "remote"

    @asynccontextmanager
    async def fresh(self) -> AsyncGenerator[Model]:
        async with self._make() as model:
            yield model


@dataclass(frozen=True, slots=True)
class Placement:
    """Device, precision (torch's name of a type) and threads (None: torch's setting) of local models."""

    device: str = "cpu"
    dtype: str = "float32"
    threads: int | None = None


def open_seat(spec: str, placement: Placement | None = None) -> Seat:
    """The seat that a specification names.

    Raises:
        ConfigError: the specification has none of the forms that there are, this machine has no such device, torch has
            no such type, or the package openai, which a server needs, is not installed.
        CheckpointError: there is no such checkpoint, or it cannot be loaded.
    """
    check_seat(spec)
    if spec.startswith(("http://", "https://")):
        base_url, _, model = spec.partition("#")
        return RemoteSeat(spec, base_url, model)
    placement = placement or Placement()
    check_device(placement.device)
    path = EMBEDDED.get(spec, Path(spec))
    dtype = getattr(torch, placement.dtype, None)
    if not isinstance(dtype, torch.dtype):
        raise ConfigError(f"torch has no dtype {placement.dtype!r}")
    return LocalSeat(spec, path, device=placement.device, dtype=dtype, threads=placement.threads)
