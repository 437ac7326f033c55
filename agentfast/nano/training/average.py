"""Average checkpoints of one lineage: `python -m agentfast.nano.training.average --out DIR CHECKPOINT CHECKPOINT...`.

Weights that one run reached from another lie in one basin, and the mean of both is often better than either (model
soups, arXiv 2203.05482). The first directory gives everything but the weights.
"""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Sequence
from pathlib import Path

import safetensors.torch
import torch
from torch import Tensor

from agentfast.errors import CheckpointError
from agentfast.runtime.model.checkpoint.files import TOKENIZER_FILE, drop_shared_tokenizer, tokenizer_file

WEIGHTS_FILE = "model.safetensors"


def average(checkpoints: Sequence[Path], out: Path) -> None:
    """Write the mean of the checkpoints' weights, computed in float32 and stored as the first one's.

    Raises:
        CheckpointError: a directory has no model.safetensors, the first has no tokenizer, or their tensors differ in name
            or shape.
    """
    for path in checkpoints:
        if not (path / WEIGHTS_FILE).is_file():
            raise CheckpointError(f"{path} has no {WEIGHTS_FILE}: give directories that a training exported")
    first = safetensors.torch.load_file(checkpoints[0] / WEIGHTS_FILE)
    sums = {name: tensor.float() for name, tensor in first.items()}
    for path in checkpoints[1:]:
        _add(sums, safetensors.torch.load_file(path / WEIGHTS_FILE), path)
    mean = {name: (total / len(checkpoints)).to(first[name].dtype) for name, total in sums.items()}
    tokenizer = tokenizer_file(checkpoints[0])
    shutil.copytree(checkpoints[0], out, dirs_exist_ok=True)
    shutil.copyfile(tokenizer, out / TOKENIZER_FILE)
    drop_shared_tokenizer(out)
    safetensors.torch.save_file(mean, out / WEIGHTS_FILE, metadata={"format": "pt"})


def _add(sums: dict[str, Tensor], weights: dict[str, Tensor], path: Path) -> None:
    wanted = {name: total.shape for name, total in sums.items()}
    if {name: tensor.shape for name, tensor in weights.items()} != wanted:
        raise CheckpointError(
            f"{path} has other tensors than the first checkpoint: only one architecture's can be averaged"
        )
    for name, tensor in weights.items():
        sums[name] = torch.add(sums[name], tensor.float())


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point; see --help."""
    parser = argparse.ArgumentParser(prog="python -m agentfast.nano.training.average", description=__doc__)
    parser.add_argument("checkpoints", type=Path, nargs="+", help="checkpoint directories")
    parser.add_argument("--out", type=Path, required=True, help="where the mean is written")
    options = parser.parse_args(arguments)
    average(options.checkpoints, options.out)


if __name__ == "__main__":
    main()
