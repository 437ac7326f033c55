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
    first = len(keys) * block_size
    content, width = np.asarray(tokens[first:], dtype=np.int64).tobytes(), 8 * block_size
    for start in range(0, len(content) - width + 1, width):
        parent = blake2b(parent + content[start : start + width], digest_size=16).digest()
        keys.append(parent)
    return keys
