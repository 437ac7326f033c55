"""Request phrasings: written as alternatives, expanded, and split into training and held-out ones."""

from __future__ import annotations

import itertools
import random
import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Literal

from agentfast.nano.shop.splits import Split, members, split_of

_CHOICE = re.compile(r"\[([^\[\]]*)\]")
_SPACES = re.compile(r" +")


def expand(pattern: str) -> list[str]:
    """Every phrasing of a pattern: "[show|give me] order {id}" stands for two."""
    parts = _CHOICE.split(pattern)
    options = [part.split("|") if i % 2 else [part] for i, part in enumerate(parts)]
    return [_SPACES.sub(" ", "".join(choice)).strip() for choice in itertools.product(*options)]


@cache
def phrasings(patterns: tuple[str, ...], split: Split) -> tuple[str, ...]:
    """Phrasings of `patterns` that belong to `split`, by the hash of their text with its slots unfilled."""
    every = dict.fromkeys(phrase for pattern in patterns for phrase in expand(pattern))
    return members(every, split)


def draw_phrase(patterns: tuple[str, ...], split: Split, rng: random.Random) -> str:
    """A phrasing of the split. Patterns count alike, however many phrasings each stands for."""
    for _ in range(100):
        options = phrasings((rng.choice(patterns),), split)
        if options:
            return rng.choice(options)
    raise ValueError(f"no phrasing of {patterns} belongs to {split}")


def draw_alternatives(pattern: str, split: Split, rng: random.Random) -> str | None:
    """One phrasing of the split, drawn without expanding the others; None if it hardly has any."""
    for _ in range(20):
        parts = _CHOICE.split(pattern)
        chosen = [rng.choice(part.split("|")) if i % 2 else part for i, part in enumerate(parts)]
        phrase = _SPACES.sub(" ", "".join(chosen)).strip()
        if split_of(phrase) == split:
            return phrase
    return None


Mood = Literal["order", "question", "statement"]


_ASKING = ("what ", "which ", "who ", "when ", "where ", "how ")


def mood_of(core: str) -> Mood:
    """The mood of a core: a question ends with "?" or asks, a statement ends with ".", all else is an order."""
    if core.endswith("?") or core.startswith(_ASKING):
        return "question"
    return "statement" if core.endswith(".") else "order"


_BEFORE: dict[Mood, tuple[str, ...]] = {
    "order": (
        *[""] * 6,
        "please ",
        "please ",
        "please ",
        "could you ",
        "can you ",
        "i need you to ",
        "now ",
        "i want you to ",
    ),
    "question": (*[""] * 6, "hi, ", "tell me, ", "please tell me, ", "quick question: ", "say, "),
    "statement": (*[""] * 6, "hi, ", "note: ", "by the way, ", "please note: "),
}
_AFTER: dict[Mood, tuple[str, ...]] = {
    "order": (*[""] * 7, ", please", ", thanks", " for me"),
    "question": ("",),
    "statement": (*[""] * 8, ", thanks", ", please"),
}


def polite(core: str, rng: random.Random, *, open_end: bool = True, full_stop: bool = False) -> str:
    """The sentence around a core: how a request opens and closes.

    Args:
        open_end: words may follow the core.
        full_stop: the sentence needs its full stop, because another one follows.
    """
    mood = mood_of(core)
    before = rng.choice(_BEFORE[mood])
    after = rng.choice(_AFTER[mood])
    if not open_end or ("please" in before and "please" in after):
        after = ""
    if mood == "question" or before in ("could you ", "can you "):
        end = "?"
    else:
        end = "." if full_stop else rng.choice((".", ".", ".", ""))
    return capital(before + core.rstrip("?.") + after + end)


def polite_pair(first: str, second: str, rng: random.Random, *, open_end: bool = True) -> str:
    """Two cores as one request: joined when they speak alike, as two sentences when they do not."""
    if mood_of(first) == mood_of(second):
        joint = rng.choice((" and ", ", and ", " and also ", "; ")).join((first.rstrip("?."), second))
        return polite(joint, rng, open_end=open_end)
    return f"{polite(first, rng, full_stop=True)} {polite(second, rng, open_end=open_end)}"


def fill(template: str, slots: Mapping[str, object]) -> str:
    """The template with its slots filled."""
    return template.format_map(slots)


def listed(texts: Sequence[str]) -> str:
    """The texts as an enumeration: "a, b and c"; empty if there are none."""
    *others, last = texts or ("",)
    return f"{', '.join(others)} and {last}" if others else last


def capital(sentence: str) -> str:
    """The sentence with its first letter upper-case."""
    return sentence[:1].upper() + sentence[1:]
