"""What a stream shows of a turn, canvas by canvas, adds up to the turn."""

from __future__ import annotations

import asyncio
import random

from agentfast import CanvasUpdate, RunFinished, nano
from agentfast.cli.desk import desk_agent, open_shop
from agentfast.nano.shop.values import Values


async def test_each_canvas_starts_where_the_ones_before_it_stand() -> None:
    """Long calls take several canvases, of which the model's causal pass corrects some."""
    continued = 0
    async with nano.load() as model:

        async def watch(seed: int) -> int:
            values = Values(random.Random(seed), "test")
            prompt = (
                f"Add a {values.title()} on {values.date()} at {values.time()} with {values.first_name()}."
            )
            turns: list[list[str]] = []
            starts = 0
            async for event in desk_agent(model, open_shop(0), "calendar").stream(prompt, seed=seed):
                match event:
                    case CanvasUpdate(step=step, canvas=canvas):
                        turns += [[] for _ in range(step + 1 - len(turns))]
                        assert canvas.start <= len(turns[step])
                        turns[step] = [*turns[step][: canvas.start], *canvas.pieces]
                        starts += canvas.start > 0
                    case RunFinished(result=result):
                        shown = ["".join(turn).split("<|end|>")[0] for turn in turns]
                        assert shown[-1] == result.output
                        for text, done in zip(shown, result.steps, strict=True):
                            assert text.count("<|call|>") == len(done.message.calls)
                        written = [
                            str(value) for value in result.steps[0].message.calls[0].arguments.values()
                        ]
                        assert all(value in shown[0] for value in written)
                    case _:
                        pass
            return starts

        continued = sum(await asyncio.gather(*(watch(seed) for seed in range(6))))
    assert continued
