"""Helpers for the commands' options. Imports nothing heavy."""

from __future__ import annotations

import argparse
from collections.abc import Callable

AddParser = Callable[..., argparse.ArgumentParser]


def positive(text: str) -> int:
    """argparse type of a count: an integer of at least one."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return value
