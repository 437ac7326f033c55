"""Runs of different agents at once, in order or as they end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterable, Sequence, Sized
from dataclasses import dataclass
from typing import Any, Generic, Literal, Protocol, TypeVar, cast, overload

import anyio

from agentfast.agent.bounds.budget import Budget
from agentfast.agent.many.map import Map
from agentfast.agent.many.progress import Report, reporting
from agentfast.agent.result import RunResult, T
from agentfast.tools.checks import check_flag, check_integer, check_list, check_text, refuse

Item = TypeVar("Item")


class Runnable(Protocol):
    """An agent, as far as `gather` needs one."""

    async def run(self, prompt: str, *, deps: Any = ..., budget: Budget | None = ...) -> RunResult[Any]:
        """Answer one prompt."""
        ...


@dataclass(frozen=True, slots=True)
class Job:
    """One run to be done: its agent, its prompt, and what its tools get by their context."""

    agent: Runnable
    prompt: str
    deps: Any = None


JobLike = Job | tuple[Runnable, str]
"""A job, or its agent and prompt."""


@dataclass(frozen=True, slots=True)
class Outcome(Generic[Item, T]):
    """One of many runs that has ended.

    Attributes:
        index: its place in what was asked, from 0.
        item: the prompt, or the Job.
        result: None if it failed.
        error: None if it did not.
    """

    index: int
    item: Item
    result: RunResult[T] | None
    error: Exception | None

    def unwrap(self) -> RunResult[T]:
        """The result, or raise the error."""
        if self.error is not None:
            raise self.error
        assert self.result is not None
        return self.result


@overload
async def gather(
    jobs: Iterable[JobLike],
    *,
    budget: Budget | None = ...,
    concurrency: int = ...,
    return_exceptions: Literal[False] = ...,
    progress: bool | Report = ...,
) -> list[RunResult[Any]]: ...
@overload
async def gather(
    jobs: Iterable[JobLike],
    *,
    budget: Budget | None = ...,
    concurrency: int = ...,
    return_exceptions: bool,
    progress: bool | Report = ...,
) -> list[RunResult[Any] | Exception]: ...
async def gather(
    jobs: Iterable[JobLike],
    *,
    budget: Budget | None = None,
    concurrency: int = 32,
    return_exceptions: bool = False,
    progress: bool | Report = False,
) -> list[RunResult[Any]] | list[RunResult[Any] | Exception]:
    """Run many jobs of any agents at once; the results are in the order of the jobs.

    Args:
        jobs: read as runs become free, so a generator is fine.
        budget: bounds that the runs share.
        concurrency: runs at once.
        return_exceptions: put a failed run's exception in its place; otherwise the first one stops the runs under
            way, and a MapError is raised.
        progress: True shows a bar on standard error; a function is told of the Progress at each run's end.

    Raises:
        ConfigError: an argument does not fit; nothing was started.
        MapError: a job failed. It names the job, and has what the others came to in `results`.
    """
    check_integer("concurrency", concurrency, least=1)
    check_flag("return_exceptions", return_exceptions)
    checked = check_jobs(jobs)
    with reporting(progress, len(checked) if isinstance(checked, Sized) else None) as report:
        many = Map(job_answer(budget), checked, keep_going=return_exceptions, report=report)
        return await many.execute(concurrency)


def as_completed(
    jobs: Iterable[JobLike], *, budget: Budget | None = None, concurrency: int = 32
) -> AsyncGenerator[Outcome[Job, Any], None]:
    """Run many jobs at once, and give each one's outcome as it ends: a failure is an outcome, too.

    Leaving the loop early stops the runs under way (at once inside `contextlib.aclosing`).

    Raises:
        ConfigError: an argument does not fit; nothing was started.
        MapError: the jobs' iterator failed; the outcomes before it were given.
    """
    check_integer("concurrency", concurrency, least=1)
    return outcomes(job_answer(budget), check_jobs(jobs), concurrency)


async def outcomes(
    answer: Callable[[Item, int], Coroutine[Any, Any, RunResult[T]]], items: Iterable[Item], concurrency: int
) -> AsyncGenerator[Outcome[Item, T], None]:
    """Answer items at once, and give each one's outcome as it comes."""
    ended: asyncio.Queue[Outcome[Item, T] | None] = asyncio.Queue()

    def settle(index: int, item: Item, outcome: RunResult[T] | Exception) -> None:
        if isinstance(outcome, Exception):
            ended.put_nowait(Outcome(index, item, None, outcome))
        else:
            ended.put_nowait(Outcome(index, item, outcome, None))

    task = asyncio.create_task(Map(answer, items, keep_going=True, on_outcome=settle).execute(concurrency))
    task.add_done_callback(lambda _: ended.put_nowait(None))
    try:
        while (outcome := await ended.get()) is not None:
            yield outcome
        await task
    finally:
        if not task.done():
            task.cancel()
            with anyio.CancelScope(shield=True):
                await asyncio.wait([task])
        if not task.cancelled():
            task.exception()  # whoever left early does not come for it


def check_jobs(jobs: object) -> Iterable[Job]:
    """The jobs; those of a sequence are checked beforehand, those of an iterator one by one.

    Raises:
        ConfigError: one of them is no job.
    """
    given = check_list("jobs", jobs, "an iterable of jobs, such as a list of (agent, prompt)")
    if isinstance(given, Sequence):
        return [_job(f"jobs[{index}]", item) for index, item in enumerate(given)]
    return (_job(f"jobs[{index}]", item) for index, item in enumerate(given))


def check_prompts(prompts: object) -> None:
    """A collection of prompts.

    Raises:
        ConfigError: it is none, or a list with something else than strings.
    """
    check_list("prompts", prompts, "an iterable of strings, such as a list", hint="run(prompt) takes one")
    if isinstance(prompts, Sequence):
        for index, prompt in enumerate(cast("Sequence[object]", prompts)):
            check_text(f"prompts[{index}]", prompt)


def job_answer(budget: Budget | None) -> Callable[[Job, int], Coroutine[Any, Any, RunResult[Any]]]:
    """Runs a job, given its place."""

    async def answer(job: Job, index: int) -> RunResult[Any]:
        return await job.agent.run(job.prompt, deps=job.deps, budget=budget)

    return answer


def _job(name: str, item: object) -> Job:
    given = item  # as it was, before its type is narrowed
    if isinstance(item, tuple) and len(cast("tuple[object, ...]", item)) == 2:
        item = Job(*cast("tuple[Any, Any]", item))
    if not isinstance(item, Job) or not callable(getattr(item.agent, "run", None)):
        refuse(name, given, "(agent, prompt), or Job(agent, prompt, deps)")
    check_text(f"the prompt of {name}", item.prompt)
    return item
