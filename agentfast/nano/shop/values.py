"""Values of one split: names, cities, products, dates and numbers, drawn from a seeded generator."""

from __future__ import annotations

import datetime as dt
import random
from dataclasses import dataclass
from functools import cache

from agentfast.nano.shop import words
from agentfast.nano.shop.splits import Split, members, split_of


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


@cache
def _any_words() -> tuple[str, ...]:
    """Words of all pools that belong to training however they are written."""
    return tuple(word for word in words.EVERY_WORD if _is_free(word))


def _is_free(word: str) -> bool:
    return split_of(word) == split_of(word.capitalize()) == "train"


VARIED = 0.35  # how often training draws a word from outside the pool it is about


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

    def varied(self) -> str | None:
        """In training every now and then a word of any kind or of no language, so that any word can be copied."""
        if self.split == "test" or self.rng.random() > VARIED:
            return None
        if self.rng.random() < 0.3:
            return self.rng.choice(_any_words())
        while True:
            syllables = range(self.rng.choice((1, 2, 2, 3)))
            parts = [self.rng.choice(pool) for _ in syllables for pool in words.SYLLABLE]
            word = "".join(parts)
            if 3 <= len(word) <= 11 and _is_free(word):
                return word

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
        thing = self.varied() or self.pick(words.THINGS)
        if (material := self.varied()) is not None:
            return f"{material} {thing}"
        return f"{self.coined() if self.rng.random() < 0.3 else self.pick(words.MATERIALS)} {thing}"

    def title(self) -> str:
        if (varied := self.varied()) is not None:
            return f"{varied.capitalize()} {self.rng.choice(words.MEETINGS)}"
        topic = self.coined().capitalize() if self.rng.random() < 0.4 else self.pick(words.TOPICS)
        return f"{topic} {self.rng.choice(words.MEETINGS)}"

    def text(self) -> str:
        """A short message without punctuation."""
        rng, noun = self.rng, self.varied() or self.pick(words.TEXT_NOUNS)
        if self.split == "train" and rng.random() < VARIED:
            return self._varied_text(noun)
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

    def _varied_text(self, noun: str) -> str:
        rng, other = self.rng, self.varied() or self.pick(words.TEXT_NOUNS)
        state, name = rng.choice(words.TEXT_STATES), self.first_name()
        match rng.randrange(6):
            case 0:
                return f"the {noun} of {name} is {state}"
            case 1:
                return f"{name} wants the {noun} at {self.time()}"
            case 2:
                return f"please {rng.choice(words.TEXT_VERBS)} the {noun} and the {other}"
            case 3:
                return f"the {noun} and the {other} are {state}"
            case 4:
                return f"the {other} {noun} is {state}"
            case _:
                return f"your {noun} comes on {self.date()}"

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
