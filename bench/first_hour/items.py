"""Items: statements about what a user sees, each with a function that finds out if it is true."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import ModuleType

from agentfast.errors import AgentFastError

Figures = Mapping[str, float]
Check = Callable[[], Figures | None]


@dataclass(frozen=True, slots=True)
class Item:
    """A statement and its check, which raises AssertionError with what it saw instead. It may return figures by name."""

    title: str
    check: Check


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of an item.

    Attributes:
        seen: what was seen instead; None if the statement is true.
    """

    item: Item
    seen: str | None
    seconds: float
    figures: Figures = field(default_factory=dict[str, float])


def item(check: Check) -> Item:
    """An item of a function; the docstring is the statement."""
    return Item(" ".join((check.__doc__ or check.__name__).split()), check)


def items_of(module: ModuleType) -> list[Item]:
    """The items that a module defines, in order."""
    return [value for value in vars(module).values() if isinstance(value, Item)]


def run_item(item: Item) -> Outcome:
    """Find out. An item that raises anything is not true, and the exception is what was seen."""
    began = time.perf_counter()
    seen, figures = None, None
    try:
        figures = item.check()
    except AssertionError as error:
        seen = str(error) or "an assertion without a word"
    except (Exception, SystemExit) as error:  # noqa: BLE001  (a raw exception is what a user would see)
        seen = f"{type(error).__name__}: {error}"
    return Outcome(item, seen, time.perf_counter() - began, figures or {})


def report(outcomes: Iterable[Outcome]) -> dict[str, object]:
    """The benchmark's last line: counts, the titles that failed, and all figures."""
    outcomes = list(outcomes)
    failed = [outcome.item.title for outcome in outcomes if outcome.seen is not None]
    figures = {name: round(value, 2) for outcome in outcomes for name, value in outcome.figures.items()}
    return {"items": len(outcomes), "passed": len(outcomes) - len(failed), "failed": failed, **figures}


def expect(is_so: object, seen: object) -> None:
    """Raise AssertionError with what was seen, unless it is as it should be."""
    if not is_so:
        raise AssertionError(f"saw {seen if isinstance(seen, str) else repr(seen)}")


def expect_words(text: str, *words: str) -> None:
    """Raise AssertionError unless the text has all these words, in any case."""
    missing = [word for word in words if word.lower() not in text.lower()]
    expect(not missing, f"nothing of {', '.join(map(repr, missing))} in {text!r}")


def refusal(act: Callable[[], object], *words: str) -> AgentFastError:
    """The typed error that an act ends with, which has these words. Another end is an AssertionError."""
    try:
        value = act()
    except AgentFastError as error:
        expect_words(str(error), *words)
        return error
    except Exception as error:
        raise AssertionError(f"saw a raw {type(error).__name__}: {error}") from error
    raise AssertionError(f"saw no error, but {value!r}")
