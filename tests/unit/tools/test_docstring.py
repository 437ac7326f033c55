"""Docstrings: the first paragraph and the Args section."""

from __future__ import annotations

import pytest

from agentfast.tools.docstring import parse_docstring


@pytest.mark.parametrize("doc", [None, "", "\n\n"])
def test_no_docstring_gives_nothing(doc: str | None) -> None:
    assert parse_docstring(doc) == ("", {})


def test_the_first_paragraph_is_one_line() -> None:
    assert parse_docstring("One\n    two.\n\n    Three.") == ("One two.", {})


def test_args_are_read_with_types_continuations_and_colons() -> None:
    doc = """Do it.

    Args:
        a: first, like this: yes
        b (int, optional): second
            goes on

            and on
        **c: third

    Returns:
        d: not a parameter
    """
    assert parse_docstring(doc) == (
        "Do it.",
        {"a": "first, like this: yes", "b": "second goes on and on", "c": "third"},
    )


def test_a_docstring_may_begin_with_args() -> None:
    assert parse_docstring("\n    Args:\n        a: first\n    ") == ("", {"a": "first"})


def test_text_before_the_first_entry_is_skipped() -> None:
    assert parse_docstring("Do.\n\nArgs:\n    the parameters\n    a: first")[1] == {"a": "first"}
