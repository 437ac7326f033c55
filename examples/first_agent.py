"""A first agent: one tool, one question.

The model ships with agentfast. It asks for the tool, the tool runs, and the model answers from what came back. It was
taught the requests of a small shop, of which this is one, and to pass on that there is no such order. For anything else
put a real model in its place: `OpenAIModel(...)` or `LocalModel.from_checkpoint(...)`, as in real_model.py.
"""

from __future__ import annotations

from agentfast import Agent, nano, tool

ORDERS = {1042: "shipped", 1077: "open"}


@tool
def get_order(id: int) -> dict[str, object]:
    """Reads an order."""
    if id not in ORDERS:
        return {"error": f"There is no order {id}."}
    return {"id": id, "status": ORDERS[id]}


def main() -> None:
    agent = Agent(nano.load(), tools=[get_order], instructions="You run the order desk.")
    for order in (1042, 1099):
        result = agent.run_sync(f"What is the status of order {order}?")
        for step in result.steps:
            for call, outcome in zip(step.message.calls, step.results, strict=True):
                print(f"{call.name}({call.arguments}) -> {outcome.content}")
        print(result.output)
        print(f"{result.usage.generated_tokens} tokens in {result.usage.denoising_steps} denoising steps")


if __name__ == "__main__":
    main()
