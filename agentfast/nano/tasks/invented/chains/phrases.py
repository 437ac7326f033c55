"""Phrasings of requests for chains."""

from __future__ import annotations

from agentfast.nano.shop.values import Values
from agentfast.nano.tasks.phrases import draw_phrase, fill

THING = ("[the|my|our] {noun} with {with}", "the {noun} [that has|of] {with}")
THING_OF = (
    "the {noun} whose {argument} is {value}",
    "the {noun} that has the {argument} from {value}",
)
SAME_AS = ("the {noun} [with|that has] the same {argument} as {thing}",)
LIST = ("[the|my|our] {nouns} [with|of|that have] {with}", "the {nouns} [listed|found] for {with}")
WHOLE_LIST = ("[the|my|our] {nouns}",)
NTH = ("the {nth} [of|in|among] {all}", "the {nth} {noun} [of|in|among] {all}")
EXTREME = (
    "the {noun} with the {extreme} {key} [of|in|among] {all}",
    "the one [of|in|among] {all} that has the {extreme} {key}",
)
CHEAPEST = ("the {extreme} [of|in|among] {all}", "the {extreme} {noun} [of|in|among] {all}")
EQUAL = (
    "the one [of|in|among] {all} whose {key} is {value}",
    "the {noun} [with|that has] {key} {value} [of|in|among] {all}",
)
EACH_EQUAL = (
    "[each|every one] of {all} whose {key} is {value}",
    "[each|every one] of {all} that has {key} {value}",
)
EACH = ("[each|each one|every one|every single one] of {all}",)
VALUE = ("the {key} of {thing}",)
KNOWN_VALUE = (
    "the {noun}'s {key}",
    "the {key} of [the|that] {noun}",
    "the {key} found for the {noun}",
)
RETURNED = ("the {key} [that comes back|from the result|that this gives]", "the new {key}")
LOOK = ("[look up|find|get|read] {things}", "[first |]look at {things}")
ACT = (
    "{do} [a|the|my|our|one] {noun} with {with}",
    "{do} [a|the|my|our] {noun}[, using|: use|, taking] {with}",
)
ACT_ON = ("{do} {thing}",)
ACT_ON_WITH = ("{do} {thing} with {with}", "{do} {thing}[, using|: use|, taking] {with}")
ACT_FOR = (
    "for {thing}, {do} [a|one] {noun} with {with}",
    "{do} [a|one] {noun} for {thing}, with {with}",
)
ASK = ("[tell me|say|give me|show me|let me know] {value}",)
THEN = ("; then ", ", then ", ", and then ", ", and also ")


def say(patterns: tuple[str, ...], values: Values, **slots: str) -> str:
    """A phrasing of the split with its slots filled."""
    return fill(draw_phrase(patterns, values.split, values.rng), slots)
