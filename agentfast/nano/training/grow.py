"""Deepen a trained model: `python -m agentfast.nano.training.grow --out TRUNK --at 3 --layers 3 CHECKPOINT`.

Copies of layers are inserted before the layers they were copied from, and so get the inputs that those were trained on. What
they add to the residual stream is scaled down, so that the deeper model starts nearly where the shallower one ended and
learns the rest (block expansion, LLaMA Pro, arXiv 2401.02415, which scales by 0). The result is a trunk for
`python -m agentfast.nano.training.train --from TRUNK`; with `--layers 0` it is one of the same depth.
"""

from __future__ import annotations

import argparse
import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor

from agentfast.errors import ConfigError
from agentfast.runtime.model.checkpoint.files import TOKENIZER_FILE, tokenizer_file
from agentfast.runtime.model.checkpoint.load import load_checkpoint

SHARE = 0.1
_LAYER = re.compile(r"layers\.(\d+)\.(.+)")
_OUTPUTS = ("post_attention_layernorm.weight", "post_feedforward_layernorm.weight")


def deepen(weights: Mapping[str, Tensor], at: int, count: int, share: float = SHARE) -> dict[str, Tensor]:
    """The weights of a model with copies of the layers `at` to `at + count - 1` before layer `at`.

    Args:
        weights: a model's state dict.
        share: what the copies add to the residual stream, as a share of what their originals add.

    Raises:
        ConfigError: there are no such layers.
    """
    depth = 1 + max(int(match[1]) for match in map(_LAYER.match, weights) if match)
    if not 0 <= at <= at + count <= depth:
        raise ConfigError(f"layers {at} to {at + count - 1} cannot be copied: the model has 0 to {depth - 1}")
    deeper: dict[str, Tensor] = {}
    for name, tensor in weights.items():
        match = _LAYER.match(name)
        if not match:
            deeper[name] = tensor
            continue
        number, rest = int(match[1]), match[2]
        if at <= number < at + count:
            deeper[name] = tensor * share if rest in _OUTPUTS else tensor.clone()
        deeper[f"layers.{number + count if number >= at else number}.{rest}"] = tensor
    return deeper


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point; see --help."""
    parser = argparse.ArgumentParser(prog="python -m agentfast.nano.training.grow", description=__doc__)
    parser.add_argument("checkpoint", type=Path, help="a checkpoint directory")
    parser.add_argument("--out", type=Path, required=True, help="the trunk's folder")
    parser.add_argument("--at", type=int, default=0, help="the first layer to copy")
    parser.add_argument("--layers", type=int, default=0, help="how many to copy")
    parser.add_argument("--share", type=float, default=SHARE, help="of their outputs, to start with")
    options = parser.parse_args(arguments)
    model = load_checkpoint(options.checkpoint).model
    weights = deepen(model.state_dict(), options.at, options.layers, options.share)
    options.out.mkdir(parents=True, exist_ok=True)
    torch.save({"step": 0, "model": weights, "optimizers": []}, options.out / "stable.pt")
    shutil.copyfile(tokenizer_file(options.checkpoint), options.out / TOKENIZER_FILE)


if __name__ == "__main__":
    main()
