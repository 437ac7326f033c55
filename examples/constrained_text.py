"""Text in a form of your own: a regular expression, a choice, and words in front of a call that must come.

The form is part of the decoding, as a JSON Schema is, so an answer always has it; whether it is the right answer is up
to the model. The embedded one was taught to say how an order is in these words, with the statuses open, paid, shipped,
delivered and cancelled. It was taught no words in front of a call: the form gives them all but the number. A real model,
`OpenAIModel(...)` or `LocalModel.from_checkpoint(...)`, can be left more freedom. A `Grammar` is built from parts: fixed and free texts, regular expressions, choices, JSON Schemas, and
special tokens, which no text can hold and which therefore keep the parts apart.
"""

from __future__ import annotations

import re

from agentfast import Agent, AssistantMessage, Grammar, LocalModel, nano, tool
from agentfast.chat.base import TurnRules
from agentfast.chat.json import CALL, JsonChat

DESK = "You run the order desk."
QUESTION = "What is the status of order 1042?"


@tool
def get_order(id: int) -> dict[str, object]:
    """Reads an order."""
    return {"id": id, "status": "shipped"}


class WordsFirst(JsonChat):
    """The embedded model's chat format, but a turn with calls begins with some words."""

    def grammar(self, rules: TurnRules) -> Grammar:
        turn = super().grammar(rules)
        if not rules.callable_tools or rules.may_answer:
            return turn
        words = Grammar.from_regex(r"I look up order \d{1,6}\.")  # Grammar.text(most=80) would be any words
        assert turn.specials == {CALL}
        return words + turn


def main() -> None:
    model = nano.load()

    sentence = re.compile(r"Order \d{1,6} is [a-z]{3,12}\.")
    desk = Agent(model, tools=[get_order], instructions=DESK, output_type=sentence)
    print(desk.run_sync(QUESTION).output)

    choice = Grammar.from_choices(f"Order 1042 is {status}." for status in ("open", "paid", "shipped"))
    desk = Agent(model, tools=[get_order], instructions=DESK, output_type=choice)
    print(desk.run_sync(QUESTION).output)

    wordy = LocalModel(model.engine, WordsFirst())
    caller = Agent(wordy, tools=[get_order], instructions=DESK, tool_choice="required")
    for message in caller.run_sync(QUESTION).messages:
        if isinstance(message, AssistantMessage):
            print(repr(message.text), *(f"{call.name}({call.arguments})" for call in message.calls))


if __name__ == "__main__":
    main()
