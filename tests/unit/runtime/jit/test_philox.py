"""The generator, against the known answers of Random123, the library of its authors."""

from __future__ import annotations

import numpy as np
import pytest

from agentfast.runtime.jit.kernel import kernel
from agentfast.runtime.jit.philox import Words, block, uniforms


@kernel
def words_of(key: np.uint64, place: np.uint64, stream: np.uint64) -> Words:
    return block(key, place, stream)


@pytest.mark.parametrize(
    ("key", "place", "stream", "words"),
    [
        (0, 0, 0, (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
        (2**64 - 1, 2**64 - 1, 2**64 - 1, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
        (
            0x299F31D0_A4093822,
            0x85A308D3_243F6A88,
            0x03707344_13198A2E,
            (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
        ),
    ],
)
def test_a_block_is_the_known_one(key: int, place: int, stream: int, words: tuple[int, ...]) -> None:
    found = words_of(np.uint64(key), np.uint64(place), np.uint64(stream))
    assert tuple(int(word) for word in found) == words


def test_a_number_is_53_bits_of_two_words() -> None:
    words = words_of(np.uint64(5), np.uint64(3), np.uint64(1))
    pairs = [(words[0], words[1]), (words[2], words[3])]
    assert uniforms(np.uint64(5), 1, 6, 2).tolist() == [
        (int(high) << 32 | int(low)) // 2**11 / 2**53 for high, low in pairs
    ]


def test_numbers_are_uniform() -> None:
    drawn = uniforms(np.uint64(1), 0, 0, 100_000)
    assert 0 <= drawn.min() <= drawn.max() < 1
    counts = np.histogram(drawn, 50, (0, 1))[0]
    assert (
        (counts - 2000) ** 2 / 2000
    ).sum() < 95  # chi squared with 49 degrees of freedom: one in 10,000 is above
