"""A front desk that asks two desks of their own, within one budget that all three share."""

import asyncio

from agentfast import Agent, Budget, RunContext, ScriptedModel, ToolCall, nano, tool

ORDERS = {1042: "shipped", 1043: "paid"}


@tool(pure=True)
async def get_order(context: RunContext[dict[int, str]], id: int) -> dict[str, object]:
    """Reads an order."""
    return {"id": id, "status": context.deps[id]}


async def main() -> None:
    async with nano.load() as model:
        desk = Agent(
            model,
            tools=[get_order],
            instructions="You run the order desk.",
            deps_type=dict[int, str],
            name="order_desk",
            description="Answers questions about orders.",
        )
        # The front desk's model is scripted here; a larger one would write these calls itself.
        asks = [
            ToolCall("order_desk", {"prompt": "What is the status of order 1042?"}),
            ToolCall("order_desk", {"prompt": "What is the status of order 1043?"}),
        ]
        front = Agent(
            ScriptedModel([asks, "One is shipped, the other is paid."]),
            tools=[desk.as_tool()],
            deps_type=dict[int, str],
        )
        budget = Budget(requests=10)
        result = await front.run("What became of my two orders?", deps=ORDERS, budget=budget)
        for answer in result.steps[0].results:
            print("the desk says:", answer.content)
        print(result.output)
        print(f"{budget.spent.requests} of {budget.requests} requests, {result.usage.steps} steps in all")


if __name__ == "__main__":
    asyncio.run(main())
