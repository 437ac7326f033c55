"""Named character sets of regular expressions: \\d \\w \\s, and \\p{...} of Unicode."""

from __future__ import annotations

import sys
import unicodedata
from functools import cache
from itertools import groupby
from typing import Final

from agentfast.errors import GrammarError
from agentfast.runtime.grammar.codepoints.sets import ALL, WORD, Interval, Intervals, complement, normalise

_DIGIT: Final[Intervals] = ((0x30, 0x39),)
_BLANKS: Final[Intervals] = ((0x20, 0x20), (0xA0, 0xA0), (0x1680, 0x1680), (0x2000, 0x200A), (0x202F, 0x202F))
_SPACE: Final = normalise(
    (*_BLANKS, (0x09, 0x0D), (0x2028, 0x2029), (0x205F, 0x205F), (0x3000, 0x3000), (0xFEFF, 0xFEFF))
)
_LOWER: Final[dict[str, Intervals]] = {"d": _DIGIT, "w": WORD, "s": _SPACE}
SETS: Final = _LOWER | {name.upper(): complement(intervals) for name, intervals in _LOWER.items()}
"""Sets by the letter of their escape, as ECMA-262 has them without the flag `i`."""
NOT_LINE_END: Final = complement(((0x0A, 0x0A), (0x0D, 0x0D), (0x2028, 0x2029)))
"""The set of the dot without the flag `s`."""

_CATEGORIES: Final = """
    Cased_Letter=LC Close_Punctuation=Pe Connector_Punctuation=Pc Control=Cc cntrl=Cc Currency_Symbol=Sc
    Dash_Punctuation=Pd Decimal_Number=Nd digit=Nd Enclosing_Mark=Me Final_Punctuation=Pf Format=Cf
    Initial_Punctuation=Pi Letter=L Letter_Number=Nl Line_Separator=Zl Lowercase_Letter=Ll Mark=M
    Combining_Mark=M Math_Symbol=Sm Modifier_Letter=Lm Modifier_Symbol=Sk Nonspacing_Mark=Mn Number=N
    Open_Punctuation=Ps Other=C Other_Letter=Lo Other_Number=No Other_Punctuation=Po Other_Symbol=So
    Paragraph_Separator=Zp Private_Use=Co Punctuation=P punct=P Separator=Z Space_Separator=Zs Spacing_Mark=Mc
    Surrogate=Cs Symbol=S Titlecase_Letter=Lt Unassigned=Cn Uppercase_Letter=Lu
"""
_ALIASES: Final = dict(alias.split("=") for alias in _CATEGORIES.split())
_GROUPS: Final = {"LC": ("Lu", "Ll", "Lt")}
_HEX: Final[Intervals] = ((0x30, 0x39), (0x41, 0x46), (0x61, 0x66))


def property_set(content: str, *, negated: bool) -> Intervals:
    """The set of \\p{content} or, negated, \\P{content}: a general category, Any, Assigned or ASCII.

    Categories are those of this Python's `unicodedata`.

    Raises:
        GrammarError: the property is not read; scripts, and binary properties that Python has no table of, are not.
    """
    key, _, value = content.rpartition("=")
    if key not in ("", "gc", "General_Category"):
        raise GrammarError(f"the property {key!r} of \\p{{{content}}} is not read, general categories are")
    name = _ALIASES.get(value, value)
    if not key and name in ("Any", "ASCII", "Assigned", "ASCII_Hex_Digit", "AHex"):
        found = {"Any": ALL, "ASCII": ((0, 0x7F),), "ASCII_Hex_Digit": _HEX, "AHex": _HEX}.get(name)
        found = complement(tuple(_categories()["Cn"])) if found is None else found
    elif name in _ALIASES.values():
        chosen = _GROUPS.get(name, (name,))
        sets = [intervals for key, intervals in _categories().items() if key.startswith(chosen)]
        found = normalise(interval for intervals in sets for interval in intervals)
    else:
        raise GrammarError(f"\\p{{{content}}} is not read; general categories are")
    return complement(found) if negated else found


@cache
def _categories() -> dict[str, list[Interval]]:
    """Two-letter categories, each as the runs of its code points."""
    result: dict[str, list[Interval]] = {}
    for category, run in groupby(range(sys.maxunicode + 1), lambda code: unicodedata.category(chr(code))):
        codes = list(run)
        result.setdefault(category, []).append((codes[0], codes[-1]))
    return result
