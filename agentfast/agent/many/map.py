"""Many prompts on one agent: bounded concurrency, results in the order of the prompts, none of them lost."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Generic, cast

from agentfast.agent.errors import MapError
from agentfast.agent.result import RunResult, T
from agentfast.tools.checks import check_list, check_text

Answer = Callable[[str, int], Awaitable[RunResult[T]]]
"""Answers a prompt, given its place."""


class Map(Generic[T]):
    """The runs of one map. Made for one call of `execute`."""

    def __init__(self, answer: Answer[T], prompts: Iterable[str], *, keep_going: bool) -> None:
        """Take the prompts, which are read as runs become free, and whether a failure leaves the others alone.

        Raises:
            ConfigError: `prompts` is no collection, or a list with something else than strings.
        """
        _check_prompts(prompts)
        self._answer = answer
        self._prompts = iter(prompts)
        self._keep_going = keep_going
        self._outcomes: list[RunResult[T] | Exception | None] = []
        self._failure: tuple[int, object, Exception] | None = None

    async def execute(self, concurrency: int) -> list[RunResult[T] | Exception]:
        """Run all prompts. A cancellation has what was finished in an attribute `results`, as MapError does.

        Raises:
            MapError: a prompt failed, and the others were not to go on; or the prompts' iterator failed.
        """
        try:
            await self._run_all(concurrency)
        except asyncio.CancelledError as cancelled:
            vars(cancelled)["results"] = self._outcomes
            raise
        if self._failure is not None:
            raise MapError(*self._failure, self._outcomes) from self._failure[2]
        return cast("list[RunResult[T] | Exception]", self._outcomes)

    async def _run_all(self, concurrency: int) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(concurrency):
                    group.create_task(self._work())
        except* _StopError:
            pass

    async def _work(self) -> None:
        """Answer one prompt after another."""
        while True:
            index, prompt = len(self._outcomes), None
            try:
                prompt = next(self._prompts)
            except StopIteration:
                return
            except Exception as error:  # noqa: BLE001  (the caller's; it gives nothing more, so that all work ends)
                self._failure = self._failure or (index, None, error)
                return
            self._outcomes.append(None)
            try:
                self._outcomes[index] = await self._answer(prompt, index)
            except Exception as error:
                self._outcomes[index] = error
                if not self._keep_going:
                    self._failure = self._failure or (index, prompt, error)
                    raise _StopError from error


class _StopError(Exception):
    """A prompt failed: the group stops the others."""


def _check_prompts(prompts: object) -> None:
    check_list("prompts", prompts, "an iterable of strings, such as a list", hint="run(prompt) takes one")
    if isinstance(prompts, Sequence):
        for index, prompt in enumerate(cast("Sequence[object]", prompts)):
            check_text(f"prompts[{index}]", prompt)
