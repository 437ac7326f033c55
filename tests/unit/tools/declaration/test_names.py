"""Names of tools from elsewhere: allowed, different, and the same in any order."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentfast.errors import ToolDefinitionError
from agentfast.tools.declaration.names import allowed_names, checked_name, is_name

NAMES = st.lists(st.text("ab.é/_-1 ", max_size=70) | st.text(max_size=4), unique=True)


@given(NAMES)
def test_mapped_names_are_allowed_and_different_and_allowed_ones_stay(names: list[str]) -> None:
    found = allowed_names(names)
    assert found.keys() == set(names)
    assert all(map(is_name, found.values()))
    assert len(set(found.values())) == len(names)
    assert all(found[name] == name for name in names if is_name(name))


@given(NAMES)
def test_the_order_of_names_does_not_matter(names: list[str]) -> None:
    assert allowed_names(names) == allowed_names(names[::-1])


def test_names_are_mapped_to_what_a_reader_knows_again() -> None:
    assert allowed_names(["pets.list", "GET /pets/{id}", "Überblick", "1st"]) == {
        "pets.list": "pets_list",
        "GET /pets/{id}": "GET_pets_id",
        "Überblick": "Uberblick",
        "1st": "_1st",
    }


def test_names_that_would_be_alike_get_a_hash() -> None:
    found = allowed_names(["a.b", "a/b", "a_b"])
    assert found["a_b"] == "a_b"
    assert found["a.b"].startswith("a_b_")
    assert len({*found.values()}) == 3


@pytest.mark.parametrize("name", ["", "1a", "a b", "é", "a" * 65, None, "a\n"])
def test_a_name_of_python_that_is_not_allowed_is_refused(name: object) -> None:
    with pytest.raises(ToolDefinitionError, match="is not a tool name"):
        checked_name(name)
