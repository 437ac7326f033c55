"""Types and groups of the commands' options. Imports nothing heavy."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable

AddParser = Callable[..., argparse.ArgumentParser]

DEVICES = ("cpu", "cuda", "mps", "xpu")
DTYPES = ("float32", "bfloat16", "float16", "float64")


def positive(text: str) -> int:
    """argparse type of a count: an integer of at least one."""
    return _at_least(1, text)


def seed(text: str) -> int:
    """argparse type of a seed: an integer of at least zero."""
    return _at_least(0, text)


def amount(text: str) -> float:
    """argparse type of a number of at least zero."""
    value = float(text)
    if not 0 <= value < math.inf:
        raise argparse.ArgumentTypeError(f"must be a number of at least 0, not {text}")
    return value


def device(text: str) -> str:
    """argparse type of a device: its kind, and perhaps its number. Only torch knows whether the machine has it."""
    kind, colon, number = text.partition(":")
    if kind not in DEVICES or (colon and not (number.isascii() and number.isdigit())):
        raise argparse.ArgumentTypeError(f"{text!r} is none of {', '.join(DEVICES)}, or cuda:1")
    return text


def _at_least(least: int, text: str) -> int:
    value = int(text)
    if value < least:
        raise argparse.ArgumentTypeError(f"must be at least {least}")
    return value


def add_seed(
    parser: argparse.ArgumentParser, of: str = "of every random draw", *, to_servers: bool = False
) -> None:
    """Add --seed; it is 0 by default, or None where it may go to a server, which is sent none."""
    default, said = (None, "0; a server is sent none") if to_servers else (0, "0")
    parser.add_argument("--seed", type=seed, default=default, metavar="N", help=f"{of} (default: {said})")


def add_model(parser: argparse.ArgumentParser) -> None:
    """Add --model, a checkpoint."""
    parser.add_argument(
        "--model", metavar="PATH", help="a checkpoint directory (default: the embedded model)"
    )


def add_placement(parser: argparse.ArgumentParser) -> None:
    """Add --device and --dtype, of a local model."""
    parser.add_argument(
        "--device", type=device, metavar="DEVICE", help="where a local model runs, e.g. cuda (default: cpu)"
    )
    parser.add_argument("--dtype", choices=DTYPES, help="of a local model's weights (default: float32)")
