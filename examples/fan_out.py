"""A fan-out: one agent over many documents at once.

`map` starts a run for each document. All of them share one batch, and the part of the prompt that they have in common
is computed once. A document that fails leaves its exception in its place and the others alone.

Every answer has the type that was asked for. The embedded model was taught to read short bills in such wordings; other
texts take a real model in its place: `OpenAIModel(...)` or `LocalModel.from_checkpoint(...)`, as in real_model.py.
"""

from __future__ import annotations

import asyncio
from datetime import date
from time import perf_counter

from pydantic import BaseModel

from agentfast import Agent, nano

LETTERS = [
    f"{company} sent invoice {number} over {total}, due on {due}."
    for number, company, total, due in [
        (4711, "Lisbon", 249.5, "2027-03-14"),
        (1024, "Bergen", 80, "2027-01-31"),
        (3391, "Porto", 1200, "2027-02-11"),
        (2207, "Ghent", 64.9, "2027-04-02"),
        (8120, "Turin", 310, "2027-01-09"),
        (5566, "Malmo", 17.5, "2027-05-23"),
        (6075, "Basel", 999, "2027-02-28"),
        (9483, "Krakow", 450.5, "2027-06-17"),
    ]
]


class Invoice(BaseModel):
    """What is read out of each letter."""

    invoice: int
    total: float
    due: date


async def main() -> None:
    async with nano.load() as model:
        agent = Agent(model, instructions="Extract the fields.", output_type=Invoice)
        began = perf_counter()
        results = await agent.map(LETTERS, concurrency=8, return_exceptions=True)
        seconds = perf_counter() - began

    for letter, result in zip(LETTERS, results, strict=True):
        print(f"{letter:55} {result if isinstance(result, Exception) else result.output!r}")
    read = [result.output for result in results if not isinstance(result, Exception)]
    print(
        f"{len(read)} of {len(LETTERS)} letters in {seconds:.1f} s, {sum(invoice.total for invoice in read):.2f} in all"
    )


if __name__ == "__main__":
    asyncio.run(main())
