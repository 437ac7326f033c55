"""Checks of the arguments that callers give: each failure names the argument, what it is and what it takes."""

from __future__ import annotations

import difflib
import math
from collections.abc import Collection, Iterable, Mapping, Set
from typing import NoReturn, cast

from agentfast.errors import ConfigError
from agentfast.tools.unicode import lone_surrogate

_MAX_SHOWN = 80
_MAX_NAMES = 10


def check_integer(name: str, value: object, *, least: int | None = None, optional: bool = False) -> None:
    """An int, but no bool; of at least `least`; None only if optional.

    Raises:
        ConfigError: it is something else.
    """
    if value is None and optional:
        return
    if isinstance(value, int) and not isinstance(value, bool) and (least is None or value >= least):
        return
    bound = "" if least is None else f" of at least {least}"
    refuse(name, value, f"an int{bound}" + (", or None" if optional else ""))


def check_number(
    name: str,
    value: object,
    *,
    least: float | None = None,
    above: float | None = None,
    most: float = math.inf,
    optional: bool = False,
) -> None:
    """A finite int or float, but no bool; within the bounds; None only if optional.

    Raises:
        ConfigError: it is something else.
    """
    if value is None and optional:
        return
    if (
        isinstance(value, (int, float))
        and not isinstance(value, bool)
        and math.isfinite(value)
        and (least is None or value >= least)
        and (above is None or value > above)
        and value <= most
    ):
        return
    bounds = [f"of at least {least:g}"] if least is not None else []
    bounds += [f"above {above:g}"] if above is not None else []
    bounds += [f"at most {most:g}"] if most != math.inf else []
    refuse(
        name,
        value,
        " ".join(["a finite number", " and ".join(bounds)]).strip() + (", or None" if optional else ""),
    )


def check_flag(name: str, value: object) -> None:
    """True or False.

    Raises:
        ConfigError: it is something else.
    """
    if not isinstance(value, bool):
        refuse(name, value, "True or False")


def check_text(name: str, value: object, *, hint: str | None = None) -> None:
    """A str that UTF-8 can carry.

    Raises:
        ConfigError: it is no str, or holds half of a surrogate pair; `hint` is of the former.
    """
    if not isinstance(value, str):
        refuse(name, value, "a str", hint=hint)
    at = lone_surrogate(value)
    if at is not None:
        raise ConfigError(
            f"{name} holds the lone surrogate {value[at]!a} at position {at}, which is no character",
            hint="decode the text's source as UTF-8, or text.encode('utf-8', 'replace').decode()",
        )


def check_list(name: str, value: object, takes: str, *, hint: str | None = None) -> Iterable[object]:
    """The value, if it is an iterable of things in an order: no text, which would be taken letter by letter, no dict, no set.

    Raises:
        ConfigError: it is something else.
    """
    given = value  # as it was, before its type is narrowed
    if not isinstance(value, Iterable) or isinstance(value, (str, bytes, Mapping, Set)):
        refuse(name, given, takes, hint=hint)
    return cast("Iterable[object]", value)


def check_choice(name: str, value: object, choices: Collection[str]) -> None:
    """One of the strings.

    Raises:
        ConfigError: it is something else; the message offers a close one.
    """
    if not (isinstance(value, str) and value in choices):
        hint = closest(value, choices) if isinstance(value, str) else None
        refuse(name, value, f"one of {listed([repr(choice) for choice in choices])}", hint=hint)


def refuse(name: str, value: object, takes: str, *, hint: str | None = None) -> NoReturn:
    """Raise the ConfigError of an argument that is something else than it takes."""
    raise ConfigError(f"{name} is {shown(value)}; it takes {takes}", hint=hint)


def shown(value: object) -> str:
    """A value and its type in one short line of ASCII."""
    if value is None or isinstance(value, bool):
        return repr(value)
    try:
        text = " ".join(ascii(value).split())
    except Exception:  # noqa: BLE001  (a value of the caller's, whose repr may raise anything)
        text = "..."
    short = text if len(text) <= _MAX_SHOWN else text[:_MAX_SHOWN] + "..."
    kind = f"the class {value.__name__}" if isinstance(value, type) else type(value).__name__
    return kind if isinstance(value, type) else f"{short} ({kind})"


def closest(name: str, names: Iterable[str]) -> str | None:
    """The question "did you mean NAME?"; None if no name is similar."""
    found = difflib.get_close_matches(name, list(names))
    return f"did you mean {', '.join(found)}?" if found else None


def listed(names: Collection[str]) -> str:
    """The first names, and how many more there are."""
    first = list(names)[:_MAX_NAMES]
    more = len(names) - len(first)
    return ", ".join(first) + (f" and {more} more" if more else "") if first else "none"
