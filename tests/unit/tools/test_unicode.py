"""Lone surrogates are found and replaced; all other text is left as it is."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from agentfast.tools.unicode import lone_surrogate, well_formed, well_formed_json

any_text = st.text(st.characters(categories=None), max_size=8)


@given(any_text)
def test_what_is_well_formed_can_be_encoded_and_valid_text_stays(text: str) -> None:
    mended = well_formed(text)
    mended.encode()
    if lone_surrogate(text) is None:
        assert mended is text
    else:
        assert 0xD800 <= ord(text[lone_surrogate(text) or 0]) <= 0xDFFF


def test_pairs_are_joined_and_lone_halves_replaced() -> None:
    assert well_formed("a\ud83d\ude00b\ud83d") == "a\U0001f600b\ufffd"


def test_json_values_are_mended_all_through() -> None:
    assert well_formed_json({"\ud83d": ["\ude00", 1, None, {"a": "b"}]}) == {
        "\ufffd": ["\ufffd", 1, None, {"a": "b"}]
    }
