"""Arguments in Gemma 4's notation as JSON text, whole and in part."""

from __future__ import annotations

import json

import pytest

from agentfast.runtime.adapters.vllm.requests.arguments import as_json, exactly

Q = '<|"|>'
WRITTEN = f'at:{{x:1.5,y:[true,null]}},id:7,in:{Q}a {{b:1}},\n"c"{Q},none:{Q}{Q}}}'
MEANT = {"at": {"x": 1.5, "y": [True, None]}, "id": 7, "in": 'a {b:1},\n"c"', "none": ""}


def never(raw: str, partial: bool) -> str:
    raise AssertionError(raw)


def test_whole_arguments_keep_their_types() -> None:
    assert json.loads(exactly(never)(WRITTEN, False)) == MEANT
    assert exactly(never)("}", False) == "{}"


def test_a_string_that_has_come_in_part_is_a_beginning_of_the_whole() -> None:
    whole = as_json(WRITTEN, partial=False)
    start = WRITTEN.index(Q) + len(Q)
    for end in range(start, WRITTEN.index(Q, start) + len(Q)):
        assert whole.startswith(as_json(WRITTEN[:end], partial=True))


@pytest.mark.parametrize("raw", ["a:", f"a:{Q}b", "]"])
def test_what_is_not_in_the_notation_goes_to_vllms_own_reader(raw: str) -> None:
    assert exactly(lambda text, _: f"theirs {text}")(raw, False) == f"theirs {raw}"
