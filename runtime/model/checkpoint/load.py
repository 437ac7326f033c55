"""A Hugging Face checkpoint directory -> a model, its tokenizer and its generation defaults."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import torch
from torch import Tensor

from agentfast.errors import CheckpointError, ConfigError
from agentfast.runtime.core.config import EXTENSIONS, GenerationDefaults
from agentfast.runtime.core.tokenizer import Tokenizer
from agentfast.runtime.core.torch_threads import one_thread
from agentfast.runtime.model.block_diffusion import BlockDiffusionModel
from agentfast.runtime.model.checkpoint.checksums import verify_checksums
from agentfast.runtime.model.checkpoint.files import read_json
from agentfast.runtime.model.checkpoint.hf_config import read_config
from agentfast.runtime.model.checkpoint.recognize import refuse_other_things
from agentfast.runtime.model.checkpoint.tensor_files import (
    StoredTensor,
    find_tensors,
    get_tensor,
    open_tensors,
)
from agentfast.runtime.model.checkpoint.tokenizer import load_tokenizer
from agentfast.runtime.model.config import ModelConfig

_MAPPED_AT_ONCE = 1 << 28  # bytes of a file that may be resident while its tensors are converted


@dataclass(frozen=True, slots=True)
class LoadedCheckpoint:
    """Contents of a checkpoint directory: model, tokenizer, generation defaults.

    Attributes:
        model: in evaluation mode; its parameters ask for no gradients.
        tokenizer: the ids that end a turn are its `vocabulary.eos_ids`.
        generation: the checkpoint's decoding parameters.
        max_new_tokens: tokens generated where a request does not say how many.
    """

    model: BlockDiffusionModel
    tokenizer: Tokenizer
    generation: GenerationDefaults
    max_new_tokens: int


def load_checkpoint(
    path: str | Path, *, dtype: torch.dtype = torch.float32, device: torch.device | str = "cpu"
) -> LoadedCheckpoint:
    """Load a DiffusionGemma checkpoint, or a Gemma 4 text model of the same backbone.

    Read are config.json, generation_config.json (optional), agentfast.json (optional: what transformers does not know),
    tokenizer.json (or the tokenizer file that agentfast.json names) and safetensors weights, never pickle.
    The files are memory-mapped and each tensor goes straight to where it stays. On the CPU, weights stored in
    `dtype` already are not copied at all: they stay in the file's mapping, so replace such a file (a new file
    under the same name) rather than write into it while the model lives. Image and sound towers are skipped.

    Args:
        path: a directory. Nothing is downloaded. If it has a file SHA256SUMS, its files are compared with that first.

    Raises:
        CheckpointError: it is no checkpoint but something else, e.g. a GGUF file or an adapter; or a file or a tensor is
            missing, unexpected, damaged, malformed or of another architecture. The message names it.
        ConfigError: the path is none, or torch has no such device here.
    """
    if not isinstance(path, (str, Path)):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ConfigError(f"the checkpoint is {path!r}; it is the path of a directory")
    _check_device(device)
    directory = Path(path)
    refuse_other_things(directory)
    verify_checksums(directory)
    raw = read_json(directory / "config.json")
    config = read_config(raw)
    raw_generation = read_json(directory / "generation_config.json", optional=True)
    raw_generation |= read_json(directory / EXTENSIONS, optional=True)
    try:
        generation = GenerationDefaults.from_hf(raw_generation)
        tokenizer = load_tokenizer(directory)
    except (ConfigError, TypeError) as error:
        raise CheckpointError(f"{directory}: {error}") from error
    with one_thread() if config.small else nullcontext():
        model = load_weights(directory, config, dtype=dtype, device=device)
    return LoadedCheckpoint(
        model=model,
        tokenizer=tokenizer,
        generation=generation,
        max_new_tokens=int(raw_generation.get("max_new_tokens") or 256),
    )


def load_weights(
    directory: Path, config: ModelConfig, *, dtype: torch.dtype, device: torch.device | str
) -> BlockDiffusionModel:
    """The model alone; see `load_checkpoint`."""
    with torch.device("meta"):
        model = BlockDiffusionModel(config)
    wanted = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    if config.kind == "autoregressive":
        wanted = {name: shape for name, shape in wanted.items() if not name.endswith(".decoder_scalar")}
    stored = find_tensors(directory, config.kind)
    sources = _check(stored, wanted)
    state = {name: tensor.to(device, dtype) for name, tensor in _read(sources.values())}
    repeated = (tensor for tensor in stored if tensor is not sources[tensor.name])
    for name, tensor in _read(repeated):
        if not torch.equal(tensor.to(device, dtype), state[name]):
            raise CheckpointError(
                f"{name} is stored twice, with different values: encoder, decoder and output must be tied"
            )
    if config.kind == "autoregressive":
        ones = torch.ones(1, dtype=dtype, device=device)
        state |= {f"layers.{i}.decoder_scalar": ones for i in range(len(config.layers))}
    model.load_state_dict(state, assign=True)
    return model.to(device).eval().requires_grad_(requires_grad=False)


def _check_device(device: torch.device | str) -> None:
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError, TypeError) as error:
        raise ConfigError(f"torch cannot use device {str(device)!r}: {str(error).splitlines()[0]}") from error


def _check(stored: Sequence[StoredTensor], wanted: Mapping[str, tuple[int, ...]]) -> dict[str, StoredTensor]:
    """The file tensor of every tensor of the model, its own if it has copies."""
    sources: dict[str, StoredTensor] = {}
    for tensor in sorted(stored, key=lambda tensor: tensor.repeats, reverse=True):
        sources[tensor.name] = tensor
    wrong = [
        f"{tensor.key} is {list(tensor.shape)}, not {list(wanted[tensor.name])}"
        for tensor in stored
        if tensor.name in wanted and tensor.shape != wanted[tensor.name]
    ]
    problems = {
        "missing": sorted(wanted.keys() - sources.keys()),
        "unexpected": sorted(tensor.key for tensor in stored if tensor.name not in wanted),
        "wrongly shaped": wrong,
    }
    if any(problems.values()):
        parts = [f"{len(names)} {what}: {_few(names)}" for what, names in problems.items() if names]
        raise CheckpointError("the tensors do not fit config.json; " + "; ".join(parts))
    return sources


def _read(tensors: Iterable[StoredTensor]) -> Iterator[tuple[str, Tensor]]:
    in_order = sorted(tensors, key=lambda tensor: str(tensor.path))
    for path, group in groupby(in_order, key=lambda tensor: tensor.path):
        waiting = list(group)
        while waiting:
            size = 0
            # Closing a file now and then gives back the pages of its mapping that nothing refers to any more.
            with open_tensors(path) as file:
                while waiting and size < _MAPPED_AT_ONCE:
                    stored = get_tensor(file, waiting[0])
                    size += stored.nbytes
                    yield waiting.pop(0).name, stored
                    del stored


def _few(names: Sequence[str], count: int = 5) -> str:
    return ", ".join(names[:count]) + (", …" if len(names) > count else "")
