"""Content keys of KV blocks. A block's key covers every token up to its end, so equal keys mean equal content."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b

import numpy as np

_ROOT = b""


def block_keys(tokens: Sequence[int], block_size: int, known: Sequence[bytes] = ()) -> list[bytes]:
    """Keys of the full blocks of `tokens`: key i = hash(key i-1, tokens of block i).

    Args:
        known: keys of the first blocks, if they were computed before; they begin the result.
    """
    keys = list(known)
    parent = keys[-1] if keys else _ROOT
    for start in range(len(keys) * block_size, len(tokens) - block_size + 1, block_size):
        content = np.asarray(tokens[start : start + block_size], dtype=np.int64).tobytes()
        parent = blake2b(parent + content, digest_size=16).digest()
        keys.append(parent)
    return keys
