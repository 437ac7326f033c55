"""Fields of token sequences, by plain specifications."""

from __future__ import annotations

import pickle
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from agentfast.runtime.confidence.field_reader import field_reader
from agentfast.runtime.core.fields import CallNotation, Field, TurnFields
from agentfast.runtime.core.vocabulary import Vocabulary

VOCABULARY = Vocabulary.byte_level(special=("<eos>", "<call>", "<thought>", "<end>"))
SPECIAL = VOCABULARY.special
FIND: dict[str, Any] = {
    "type": "object",
    "properties": {"kind": {"enum": ["x", "yy"]}, "n": {"type": "integer"}},
    "required": ["kind", "n"],
}
JSON = CallNotation("<call>", '{"name":', ',"arguments":')
BARE = CallNotation("<call>", "call:", "", quoted_names=False, string_quote='<|"|>', asides=("<thought>",))


def tokens_of(*segments: str) -> list[int]:
    """Token ids of texts, and of special tokens by name."""
    return [
        token
        for segment in segments
        for token in ([SPECIAL[segment]] if segment in SPECIAL else list(segment.encode()))
    ]


@given(st.sampled_from(["x", "yy"]), st.integers(-999, 999), st.integers(1, 3))
def test_fields_of_a_turn_that_grows_keep_their_places(kind: str, n: int, calls: int) -> None:
    text = f'{{"name":"find","arguments":{{"kind":"{kind}","n":{n}}}}}'
    tokens = tokens_of(*("<call>", text) * calls)
    read = field_reader(TurnFields(JSON, (("find", FIND),)), VOCABULARY)
    whole = {field.key: field for field in read(tokens)}
    assert list(whole) == [
        (call, path) for call in range(calls) for path in (None, "name", "arguments.kind", "arguments.n")
    ]
    for call in range(calls):
        start = call * (len(text) + 1)
        assert (whole[call, None].start, whole[call, None].end) == (start, start + 1 + len(text))
        field = whole[call, "arguments.n"]
        assert bytes(tokens[field.start : field.end]) == str(n).encode()
        assert whole[call, "arguments.kind"].values == (b'"x"', b'"yy"')
    for cut in range(len(tokens)):
        for field in read(tokens[:cut]):
            assert field.start == whole[field.key].start
            assert field.end in (None, whole[field.key].end)


def test_text_is_an_answer_only_outside_of_calls_and_asides() -> None:
    read = field_reader(TurnFields(BARE, answer=FIND), VOCABULARY)
    answer = '{"kind":"x","n":1}'
    after_a_thought = read(tokens_of("<thought>", answer, "<end>", answer))
    assert [field.key for field in after_a_thought] == [(None, None), (None, "kind"), (None, "n")]
    assert after_a_thought[0].start == len(answer) + 2


def test_known_fields_are_there_once_they_are_begun() -> None:
    fields = (Field("first", 0, 1, (b"a", b"\xff")), Field("rest", 2, None))
    read = field_reader(fields, VOCABULARY)
    assert read([]) == []
    assert read(tokens_of("<call>", "a")) == [fields[0]]
    assert read(tokens_of("<call>", "ab")) == list(fields)


def test_a_specification_is_data_that_can_be_pickled() -> None:
    fields = TurnFields(BARE, (("find", FIND),), answer=FIND)
    copy = pickle.loads(pickle.dumps(fields))
    assert copy == fields
    tokens = tokens_of("<call>", "call:find{n:12")
    assert field_reader(copy, VOCABULARY)(tokens) == field_reader(fields, VOCABULARY)(tokens)
