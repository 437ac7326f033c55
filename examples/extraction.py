"""Structured extraction: a text becomes a pydantic model.

The model's JSON Schema is part of the decoding, so the answer always parses: every field is there, dates are dates and
numbers are numbers. Whether it is the right date is up to the model. The embedded one was taught to read four kinds of
short documents (bills, addresses, appointments, orders) in a few wordings each; this is one of them. Reading free texts
takes a real model, as in real_model.py:

    agent = Agent(OpenAIModel("my-model", base_url="http://localhost:8000/v1"), ...)
"""

from __future__ import annotations

from datetime import date

from pydantic import BaseModel

from agentfast import Agent, nano

TEXT = "Lisbon sent invoice 4711 over 249.5, due on 2027-03-14."


class Invoice(BaseModel):
    """What is read out of the text."""

    invoice: int
    total: float
    due: date


def main() -> None:
    agent = Agent(nano.load(), instructions="Extract the fields.", output_type=Invoice)
    invoice = agent.run_sync(TEXT).output

    print(TEXT)
    print(repr(invoice))
    print(f"due in {(invoice.due - date(2027, 1, 1)).days} days of the year")


if __name__ == "__main__":
    main()
