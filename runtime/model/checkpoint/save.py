"""A model -> a Hugging Face checkpoint directory that `load_checkpoint` and transformers read."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import safetensors.torch
import torch
from torch import Tensor

from agentfast.errors import ConfigError
from agentfast.runtime.core.config import EXTENSIONS, GenerationDefaults
from agentfast.runtime.model.block_diffusion import BlockDiffusionModel
from agentfast.runtime.model.checkpoint.checksums import CHECKSUMS
from agentfast.runtime.model.checkpoint.files import (
    TOKENIZER_FILE,
    aside,
    drop_shared_tokenizer,
    write_json,
)
from agentfast.runtime.model.checkpoint.hf_config import vision_shapes, write_config

_DTYPES = {torch.bfloat16: "bfloat16", torch.float16: "float16", torch.float32: "float32"}


def save_checkpoint(
    model: BlockDiffusionModel,
    path: str | Path,
    *,
    tokenizer: str | Path,
    eos_ids: Sequence[int],
    pad_id: int = 0,
    generation: GenerationDefaults | None = None,
    max_new_tokens: int = 256,
    dtype: torch.dtype = torch.bfloat16,
) -> None:
    """Write config.json, generation_config.json, agentfast.json, model.safetensors and tokenizer.json into `path`.

    Each file is written aside and then replaces the old one, so a model loaded from there is not disturbed. Checksums of
    the old files are removed; `write_checksums` makes new ones.

    Args:
        tokenizer: a tokenizer.json file, which is copied.
        dtype: of the stored weights: bfloat16, float16 or float32.

    Raises:
        ConfigError: another dtype, weights that do not fit it, or an architecture that has no such variant.
    """
    if dtype not in _DTYPES:
        raise ConfigError(f"weights are stored as bfloat16, float16 or float32, not {dtype}")
    config = write_config(model.config, eos_ids=eos_ids, pad_id=pad_id, dtype=_DTYPES[dtype])
    tensors = {name: _cast(name, tensor, dtype) for name, tensor in _checkpoint_names(model).items()}
    directory = Path(path)
    directory.mkdir(parents=True, exist_ok=True)
    (directory / CHECKSUMS).unlink(missing_ok=True)  # of the files that are replaced now
    write_json(directory / "config.json", config)
    generation_config = _write_generation(generation or GenerationDefaults(), model) | {
        "max_new_tokens": max_new_tokens,
        "eos_token_id": list(eos_ids),
        "pad_token_id": pad_id,
    }
    write_json(directory / "generation_config.json", generation_config)
    if model.config.kind == "diffusion":
        write_json(directory / EXTENSIONS, _write_extensions(generation or GenerationDefaults()))
    copied = directory / TOKENIZER_FILE
    if not copied.exists() or not copied.samefile(tokenizer):
        shutil.copyfile(tokenizer, aside(copied))
        aside(copied).replace(copied)
    drop_shared_tokenizer(directory)
    weights = directory / "model.safetensors"
    cast("Any", safetensors.torch).save_file(tensors, aside(weights), metadata={"format": "pt"})
    aside(weights).chmod((directory / "config.json").stat().st_mode)  # safetensors writes for the owner alone
    aside(weights).replace(weights)


def _checkpoint_names(model: BlockDiffusionModel) -> dict[str, Tensor]:
    stacks = {"encoder_scalar": "model.", "decoder_scalar": None}
    ours = "model."
    named: dict[str, Tensor] = {}
    if model.config.kind == "diffusion":
        ours = "model.decoder."
        stacks = {"encoder_scalar": "model.encoder.language_model.", "decoder_scalar": ours}
        named = {name: torch.zeros(shape) for name, shape in vision_shapes(model.config.hidden_size).items()}
    for name, tensor in model.state_dict().items():
        layer, _, last = name.rpartition(".")
        if last not in stacks:
            named[ours + name] = tensor
        elif (prefix := stacks[last]) is not None:
            named[f"{prefix}{layer}.layer_scalar"] = tensor
    return named


def _cast(name: str, tensor: Tensor, dtype: torch.dtype) -> Tensor:
    stored = tensor.detach().to("cpu", dtype).contiguous()
    if not stored.isfinite().all():
        raise ConfigError(f"{name} has values that {_DTYPES[dtype]} cannot hold")
    return stored


def _write_generation(generation: GenerationDefaults, model: BlockDiffusionModel) -> dict[str, Any]:
    if model.config.kind == "autoregressive":
        return {"do_sample": True, "temperature": generation.temperature}
    return {
        "max_denoising_steps": generation.max_denoising_steps,
        "t_min": generation.t_min,
        "t_max": generation.t_max,
        "stability_threshold": generation.stability_threshold,
        "confidence_threshold": generation.confidence_threshold,
        "sampler_config": {
            "_cls_name": "EntropyBoundSamplerConfig",
            "entropy_bound": generation.entropy_bound,
        },
    }


def _write_extensions(generation: GenerationDefaults) -> dict[str, Any]:
    return {
        "canvas_lengths": list(generation.canvas_lengths),
        "usual_canvas": generation.usual_canvas,
        "verify": generation.verify,
        "verify_entropy": generation.verify_entropy,
        "trusted_entropy": generation.trusted_entropy,
        "trusted_call_entropy": generation.trusted_call_entropy,
        "max_reopenings": generation.max_reopenings,
    }
