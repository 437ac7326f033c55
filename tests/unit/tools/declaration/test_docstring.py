"""Docstrings: the text before the sections and the parameters, in the styles of Google, NumPy and Sphinx."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentfast.tools.declaration.docstring import parse_docstring

GOOGLE = """Do it.

    More on it
    goes on.

    Args:
        a: first, like this: yes
        b (dict[str,
            int], optional): second
            goes on

            and on
        *c: third
        d: fourth

    Returns:
        e: not a parameter

    Raises:
        ValueError: never
    """
NUMPY = """Do it.

    More on it
    goes on.

    Parameters
    ----------
    a : str
        first, like this: yes
    b : dict of str to int, optional
        second
        goes on

        and on
    *c
        third
    d : int, optional
        fourth

    Returns
    -------
    int
        not a parameter
    """
SPHINX = """Do it.

    More on it
    goes on.

    :param a: first, like this: yes
    :param b: second
        goes on

        and on
    :type b: dict[str,
        int]
    :param c: third
    :param int d: fourth
    :returns: not a parameter
    :raises ValueError: never
    """


@pytest.mark.parametrize("doc", [None, "", "\n\n", "  \n  "])
def test_no_docstring_gives_nothing(doc: str | None) -> None:
    assert parse_docstring(doc) == ("", {})


@pytest.mark.parametrize("doc", [GOOGLE, NUMPY, SPHINX], ids=["google", "numpy", "sphinx"])
def test_every_style_gives_the_whole_text_and_all_parameters(doc: str) -> None:
    assert parse_docstring(doc) == (
        "Do it.\n\nMore on it goes on.",
        {"a": "first, like this: yes", "b": "second goes on and on", "c": "third", "d": "fourth"},
    )


def test_parameters_that_share_an_entry_share_its_text() -> None:
    doc = "Do it.\n\n    Parameters\n    ----------\n    x, y : int\n        place\n    "
    assert parse_docstring(doc)[1] == {"x": "place", "y": "place"}


def test_a_paragraph_is_one_line_but_for_lists_and_indented_lines() -> None:
    doc = "Do\n    one.\n\n    - first\n      item\n    - second\n    1. third\n    "
    assert parse_docstring(doc)[0] == "Do one.\n\n- first\n  item\n- second\n1. third"


def test_a_docstring_may_begin_with_its_parameters() -> None:
    assert parse_docstring("\n    Args:\n        a: first\n    ") == ("", {"a": "first"})


def test_colons_in_a_text_are_no_section() -> None:
    assert parse_docstring("Do it: now.\n\n    Note: this too.\n") == ("Do it: now.\n\nNote: this too.", {})


@given(st.text(max_size=200))
def test_any_text_is_read(doc: str) -> None:
    description, parameters = parse_docstring(doc)
    assert isinstance(description, str)
    assert all(isinstance(text, str) for text in parameters.values())
