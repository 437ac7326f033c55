"""The split of values, phrasings and tools into training and held-out ones.

The rule is a hash of the text itself, so that the two sides are disjoint by construction and stay so when
pools grow. Values made of syllables are split by their root, words and numbers by themselves.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from typing import Literal

Split = Literal["train", "test"]

HELD_OUT_ONE_IN = 4


def split_of(text: str) -> Split:
    """The split that `text` belongs to: one in four is held out for tests."""
    return "test" if zlib.crc32(text.encode()) % HELD_OUT_ONE_IN == HELD_OUT_ONE_IN - 1 else "train"


def members(texts: Iterable[str], split: Split) -> tuple[str, ...]:
    """The members of `texts` that belong to `split`, in order."""
    return tuple(text for text in texts if split_of(text) == split)
