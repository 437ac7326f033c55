"""Seeds of a run's turns and of the runs of a map."""

from __future__ import annotations

from hashlib import blake2b


def turn_seed(seed: int, step: int) -> int:
    """The seed that a server is sent for a run's turn: for the first it is the run's own, as its log should show."""
    return derive_seed(seed, step) if step else seed


def derive_seed(seed: int, index: int) -> int:
    """A seed for part `index` of something seeded by `seed`; parts of different seeds do not coincide."""
    return int.from_bytes(blake2b(f"{seed}/{index}".encode(), digest_size=7).digest())
