"""Things that are given for a checkpoint and are none: each is named, with the way from there to a checkpoint."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, cast

from agentfast.errors import CheckpointError

PICKLES: Final = (".bin", ".pt", ".pth", ".ckpt", ".pkl")

_HUB_NAME: Final = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")
_ADAPTER: Final = ("adapter_config.json", "adapter_model.safetensors", "adapter_model.bin")
_POINTER: Final = b"version https://git-lfs.github.com/spec/"
_SERVE: Final = "serve it, e.g. with llama-server, and ask it by OpenAIModel(name, base_url=...)"
_MERGE: Final = "merge it into its base with peft's merge_and_unload(), and save that"


def refuse_other_things(path: Path) -> None:
    """Nothing, if the path is a directory that may hold a checkpoint.

    Raises:
        CheckpointError: it does not exist, or is something else, which the message names.
    """
    if not path.exists():
        _refuse_missing(path)
    if path.is_file():
        _refuse_file(path)
    names = {entry.name for entry in path.iterdir()}
    if not names:
        raise CheckpointError(f"{path} is an empty directory, without config.json")
    _refuse_adapter(path, names)
    if "config.json" not in names:
        _refuse_without_config(path, names)


def refuse_without_weights(directory: Path) -> None:
    """Name what a directory without safetensors weights holds instead.

    Raises:
        CheckpointError: always.
    """
    names = sorted(entry.name for entry in directory.iterdir())
    for suffixes, what, hint in (
        ((".gguf",), "GGUF weights, which llama.cpp reads", _SERVE),
        ((".npz",), "weights for MLX", "download the original checkpoint"),
        (PICKLES, "pickle files can run code and are not read", "convert them to safetensors"),
    ):
        if found := [name for name in names if name.endswith(suffixes)]:
            raise CheckpointError(f"{directory} has its weights in {found[0]} only: {what}", hint=hint)
    others = [name for name in names if name.endswith(".safetensors")]
    raise CheckpointError(
        f"{directory} has no model.safetensors and no model.safetensors.index.json",
        hint=f"it has {', '.join(others[:3])}" if others else "is the download complete?",
    )


def refuse_pointer(path: Path) -> None:
    """Nothing, unless the file is what git leaves in place of a large file.

    Raises:
        CheckpointError: it is.
    """
    with path.open("rb") as file:
        if file.read(len(_POINTER)) == _POINTER:
            raise CheckpointError(
                f"{path} is a pointer of git-lfs, not the file itself",
                hint="run `git lfs pull` in its directory",
            )


def refuse_quantized(config: Mapping[str, Any]) -> None:
    """Nothing, unless config.json says that the weights are quantized.

    Raises:
        CheckpointError: it does; the message names the method.
    """
    for key in ("quantization_config", "quantization"):  # the second is MLX's
        if (given := config.get(key)) is None or given == {}:
            continue
        fields = cast("dict[str, Any]", given) if isinstance(given, dict) else {}
        method = fields.get("quant_algo") or fields.get("quant_method") or fields.get("mode")
        kind = "MLX" if key == "quantization" and "group_size" in fields else method or "an unnamed method"
        raise CheckpointError(
            f"quantized weights ({key}: {kind}) are not supported",
            hint="download the checkpoint in bfloat16, or serve this one and ask it by OpenAIModel",
        )


def _refuse_missing(path: Path) -> None:
    if _HUB_NAME.fullmatch(path.as_posix()):
        raise CheckpointError(
            f"{path} is not a directory; if it is a name on the Hugging Face hub: checkpoints are not downloaded",
            hint=f"run `hf download {path} --local-dir DIRECTORY` and give the directory",
        )
    raise CheckpointError(
        f"{path} is not a directory: it does not exist", hint="checkpoints are not downloaded"
    )


def _refuse_file(path: Path) -> None:
    with path.open("rb") as file:
        magic = file.read(4)
    if magic == b"GGUF" or path.suffix == ".gguf":
        raise CheckpointError(f"{path} is a GGUF file, which llama.cpp reads", hint=_SERVE)
    if path.name in _ADAPTER:
        raise CheckpointError(f"{path} is of a LoRA adapter, not a model", hint=_MERGE)
    if path.suffix in PICKLES:
        raise CheckpointError(
            f"{path} is a file of pickled weights: pickle files can run code and are not read",
            hint="convert the checkpoint to safetensors, and give its directory",
        )
    raise CheckpointError(
        f"{path} is a file, not a directory", hint="give the directory that config.json is in"
    )


def _refuse_adapter(path: Path, names: set[str]) -> None:
    found = [name for name in _ADAPTER if name in names]
    if not found:
        return
    if any(name.startswith("model") and name.endswith(".safetensors") for name in names):
        raise CheckpointError(
            f"{path} has a LoRA adapter ({found[-1]}) beside the model, which would not be applied",
            hint=f"{_MERGE}, or move the adapter elsewhere",
        )
    raise CheckpointError(f"{path} is a LoRA adapter ({found[0]}), not a model", hint=_MERGE)


def _refuse_without_config(path: Path, names: set[str]) -> None:
    if "model_index.json" in names:
        raise CheckpointError(f"{path} is a pipeline of diffusers, for images", hint="give a language model")
    if "params.json" in names:
        raise CheckpointError(
            f"{path} is in its maker's own format (params.json)", hint="download the Hugging Face version"
        )
    if any(name.endswith((".gguf", ".npz")) for name in names):
        refuse_without_weights(path)
    inner = sorted(found.parent for found in path.glob("*/config.json")) or sorted(
        found.parent for found in path.glob("snapshots/*/config.json")
    )
    hint = f"is it in {inner[0]}?" if inner else "give the directory that config.json is in"
    raise CheckpointError(f"{path} has no config.json", hint=hint)
