"""Values of one split: names, cities, products, dates and numbers, drawn from a seeded generator."""

from __future__ import annotations

import datetime as dt
import random
from dataclasses import dataclass
from functools import cache

from agentfast.nano.world import words
from agentfast.nano.world.splits import Split, members, split_of


@cache
def roots(split: Split) -> tuple[str, ...]:
    """Syllables that names of this split begin with. An ending starts with a vowel, so the root can be read back."""
    every = (onset + vowel + coda for onset in words.ONSETS for vowel in words.VOWELS for coda in words.CODAS)
    return members(every, split)


@cache
def _pool(words_: tuple[str, ...], split: Split) -> tuple[str, ...]:
    return members(words_, split)


@cache
def _dates(split: Split) -> tuple[str, ...]:
    first = dt.date(2024, 1, 1)
    return members((str(first + dt.timedelta(days=n)) for n in range(4 * 365)), split)


@cache
def _times(split: Split) -> tuple[str, ...]:
    return members((f"{hour:02d}:{minute:02d}" for hour in range(7, 22) for minute in range(0, 60, 5)), split)


@dataclass(frozen=True, slots=True)
class Values:
    """Draws values that belong to `split`; all of them are short and can be copied verbatim."""

    rng: random.Random
    split: Split

    def pick(self, pool: tuple[str, ...]) -> str:
        """One word of `pool` that belongs to the split."""
        return self.rng.choice(_pool(pool, self.split))

    def sample(self, pool: tuple[str, ...], count: int) -> list[str]:
        """`count` different words of `pool` that belong to the split."""
        return self.rng.sample(_pool(pool, self.split), count)

    def root(self) -> str:
        return self.rng.choice(roots(self.split))

    def coined(self, endings: tuple[str, ...] = words.WORD_ENDINGS) -> str:
        """A made-up lower-case word."""
        return self.root() + self.rng.choice(endings)

    def first_name(self) -> str:
        return self.coined(words.FIRST_ENDINGS).capitalize()

    def person(self) -> str:
        return f"{self.first_name()} {self.coined(words.LAST_ENDINGS).capitalize()}"

    def city(self) -> str:
        return self.coined(words.CITY_ENDINGS).capitalize()

    def email(self, person: str | None = None) -> str:
        name = (person or self.person()).lower().replace(" ", ".")
        return f"{name}@{self.rng.choice(words.DOMAINS)}"

    def product(self) -> str:
        thing = self.pick(words.THINGS)
        return f"{self.coined() if self.rng.random() < 0.3 else self.pick(words.MATERIALS)} {thing}"

    def title(self) -> str:
        topic = self.coined().capitalize() if self.rng.random() < 0.4 else self.pick(words.TOPICS)
        return f"{topic} {self.rng.choice(words.MEETINGS)}"

    def text(self) -> str:
        """A short message without punctuation."""
        rng, noun = self.rng, self.pick(words.TEXT_NOUNS)
        match rng.randrange(6):
            case 0 | 1:
                return f"the {noun} is {rng.choice(words.TEXT_STATES)}"
            case 2:
                return f"please {rng.choice(words.TEXT_VERBS)} the {noun}"
            case 3:
                return f"your {noun} is {rng.choice(words.TEXT_STATES)}"
            case 4:
                return f"{self.first_name()} has the {noun}"
            case _:
                return f"the {noun} comes at {self.time()}"

    def date(self) -> str:
        return self.rng.choice(_dates(self.split))

    def time(self) -> str:
        return self.rng.choice(_times(self.split))

    def number(self, low: int, high: int) -> int:
        """An integer in low..high; from 100 on, only those of the split."""
        while True:
            value = self.rng.randint(low, high)
            if value < 100 or split_of(str(value)) == self.split:
                return value

    def price(self) -> int | float:
        """A whole number of 10..999, or one with a single decimal."""
        while True:
            tenths = self.rng.randint(100, 9999)
            whole = self.rng.random() < 0.5
            value = tenths // 10 if whole or tenths % 10 == 0 else tenths / 10
            if value in range(100) or split_of(str(value)) == self.split:
                return value
