"""Train the embedded model: `python -m agentfast.nano.training.train`.

The recipe is deterministic for a seed (up to floating-point rounding) and resumable: the batch at a step depends
on the seed and the step alone, and the run's folder holds the last checkpoint. The learning rate is constant until
the cooldown (warmup-stable-decay, arXiv 2404.06395), so a run can be prolonged from `stable.pt`.

Twins branch from one trunk, as DiffusionGemma was made from an autoregressive Gemma: `--from TRUNK` starts a run from
the weights of the trunk's `stable.pt`, with its tokenizer and new optimizers. A diffusion branch goes on with both
losses, an autoregressive one with the causal loss alone; seed, batches and number of steps are the same:

    python -m agentfast.nano.training.train --out runs/trunk --steps 3600 --cooldown 0
    python -m agentfast.nano.training.train --out runs/diffusion --from runs/trunk --steps 2000
    python -m agentfast.nano.training.train --out runs/autoregressive --from runs/trunk --steps 2000 --decoder autoregressive

A model this small gains little from several threads, but much from several processes, which share each batch:
`torchrun --standalone --nproc-per-node 2 -m agentfast.nano.training.train --threads 1`.
"""

from __future__ import annotations

import argparse
import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import torch

from agentfast.nano.training.presets import PRESETS
from agentfast.nano.training.trainer import Recipe, Trainer
from agentfast.nano.training.workers import Workers

BRANCH_WARMUP = 25  # steps, after which a branch's new optimizers have seen enough


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point; see --help."""
    parser = argparse.ArgumentParser(prog="python -m agentfast.nano.training.train", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("runs/nano"), help="the run's folder")
    parser.add_argument("--preset", choices=sorted(PRESETS), default="cpu")
    parser.add_argument("--decoder", choices=["diffusion", "autoregressive"], default="diffusion")
    parser.add_argument("--steps", type=int, default=Recipe().steps)
    parser.add_argument(
        "--cooldown", type=float, default=Recipe().cooldown, help="share of the steps; 0 for a trunk"
    )
    parser.add_argument(
        "--peak",
        type=float,
        default=Recipe().peak,
        help="highest learning rate, as a share of the recipe's; a branch of finished weights wants less than 1",
    )
    parser.add_argument("--batch-size", type=int, default=Recipe().batch_size)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=None, help="CPU threads")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument(
        "--from-stable", action="store_true", help="go on from stable.pt, before its cooldown"
    )
    parser.add_argument(
        "--from", dest="trunk", type=Path, metavar="TRUNK", help="branch off the run in that folder"
    )
    parser.add_argument(
        "--export", type=Path, metavar="DIR", help="write the trained model there as a checkpoint"
    )
    options = parser.parse_args(arguments)
    if options.threads:
        torch.set_num_threads(options.threads)
    torch.set_flush_denormal(True)
    recipe = Recipe(
        preset=options.preset,
        decoder=options.decoder,
        seed=options.seed,
        steps=options.steps,
        cooldown=options.cooldown,
        peak=options.peak,
        warmup=BRANCH_WARMUP if options.trunk else Recipe().warmup,
        batch_size=options.batch_size,
    )
    if options.trunk:
        options.out.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(options.trunk / "tokenizer.json", options.out / "tokenizer.json")
    workers = Workers.join()
    trainer = Trainer(options.out, recipe, options.device, workers)
    checkpoint = options.out / ("stable.pt" if options.from_stable else "last.pt")
    if checkpoint.exists():
        trainer.restore(checkpoint)
    elif options.trunk:
        trainer.branch(options.trunk)
    workers.wait()  # until all have read the checkpoint, which the first one replaces
    if workers.rank == 0:
        (options.out / "recipe.json").write_text(json.dumps(asdict(recipe), indent=2) + "\n")
    trainer.run()
    if options.export and workers.rank == 0:
        trainer.export(options.export)


if __name__ == "__main__":
    main()
