"""The tensors of a checkpoint directory: their files, and the parameters that their names stand for."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import safetensors
from torch import Tensor

from agentfast.errors import CheckpointError
from agentfast.runtime.model.checkpoint.recognize import refuse_pointer, refuse_without_weights
from agentfast.runtime.model.config import Kind

_FLOATS = {"F32", "F16", "BF16", "F64"}

# What precedes a text tensor's own name; both stacks of DiffusionGemma are one, so its encoder only repeats.
_DIFFUSION_PREFIX = re.compile(r"(?:model\.)?(decoder|encoder\.language_model)\.")
_AUTOREGRESSIVE_PREFIX = re.compile(r"(?:model\.)?(language_model\.)?(?:model\.)?")
# Images and sound are out of scope; the text model does not need these.
_NOT_TEXT = re.compile(
    r"(?:model\.)?(?:encoder\.)?(?:vision_tower|embed_vision|audio_tower|embed_audio|multi_modal_projector)\."
)


@dataclass(frozen=True, slots=True)
class StoredTensor:
    """A tensor of a checkpoint.

    Attributes:
        key: its name in the file.
        name: the name of the parameter or buffer of our model that it is.
        repeats: True for the encoder's or the output layer's copy of a tensor that is stored under its own name.
    """

    path: Path
    key: str
    name: str
    repeats: bool
    shape: tuple[int, ...]
    dtype: str


def find_tensors(directory: Path, kind: Kind) -> list[StoredTensor]:
    """All tensors of a checkpoint's text model, by their headers: no weights are read.

    Raises:
        CheckpointError: no safetensors files, one of them is missing or unreadable, or weights that are not
            floating-point numbers.
    """
    found: list[StoredTensor] = []
    for path in _files(directory):
        with open_tensors(path) as file:
            for key in cast("list[str]", file.keys()):
                if _NOT_TEXT.match(key):
                    continue
                name, repeats = _name(key, kind)
                view = file.get_slice(key)
                found.append(
                    StoredTensor(path, key, name, repeats, tuple(view.get_shape()), str(view.get_dtype()))
                )
    if odd := [f"{tensor.key} ({tensor.dtype})" for tensor in found if tensor.dtype not in _FLOATS]:
        raise CheckpointError(f"quantized weights are not supported: {', '.join(odd[:3])} and so on")
    return found


@contextmanager
def open_tensors(path: Path) -> Generator[Any]:
    """A safetensors file, memory-mapped: its `get_tensor(key)` gives a CPU tensor that lies in the file.

    Raises:
        CheckpointError: it is missing or not a safetensors file.
    """
    try:
        refuse_pointer(path)
        file: Any = cast("Any", safetensors).safe_open(str(path), framework="pt", device="cpu")
    except (OSError, safetensors.SafetensorError) as error:
        hint = "is it cut short? download it again"
        raise CheckpointError(f"cannot read {path.name}: {error}", hint=hint) from error
    if (file.metadata() or {}).get("format") == "mlx":
        raise CheckpointError(f"{path} holds weights for MLX", hint="download the original checkpoint")
    with file:
        yield file


def get_tensor(file: Any, tensor: StoredTensor) -> Tensor:
    """The tensor itself, in the type that it is stored in."""
    stored: Tensor = file.get_tensor(tensor.key)
    return stored


def _name(key: str, kind: Kind) -> tuple[str, bool]:
    if key == "lm_head.weight":
        return "embed_tokens.weight", True
    scalar = "encoder_scalar"
    repeats = False
    if kind == "diffusion":
        prefix = _DIFFUSION_PREFIX.match(key)
        if prefix and prefix[1] == "decoder":
            scalar = "decoder_scalar"
        elif prefix:
            repeats = not key.endswith(".layer_scalar")
    else:
        prefix = _AUTOREGRESSIVE_PREFIX.match(key)
    name = key[prefix.end() :] if prefix else key
    return name.replace(".layer_scalar", f".{scalar}"), repeats


def _files(directory: Path) -> list[Path]:
    whole, index = directory / "model.safetensors", directory / "model.safetensors.index.json"
    if whole.exists():
        return [whole]
    if index.exists():
        return [directory / name for name in _shards(index)]
    refuse_without_weights(directory)
    return []


def _shards(index: Path) -> list[str]:
    try:
        weight_map = cast("dict[str, str]", json.loads(index.read_text("utf-8"))["weight_map"])
        names = sorted({os.fspath(name) for name in weight_map.values()})
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise CheckpointError(f"{index.name} is not an index of safetensors files") from error
    for name in names:
        if Path(name).name != name or not name.endswith(".safetensors"):
            raise CheckpointError(f"{index.name} names {name!r}, which is not a safetensors file beside it")
    if missing := [name for name in names if not (index.parent / name).exists()]:
        few = ", ".join(missing[:3]) + (f" and {len(missing) - 3} more" if len(missing) > 3 else "")
        verb = "is" if len(missing) == 1 else "are"
        raise CheckpointError(
            f"{few}, which {index.name} names, {verb} missing", hint="is the download complete?"
        )
    return names
