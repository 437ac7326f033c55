"""The progress of many runs, told to a function or shown as a bar."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import cast

from agentfast.tools.checks import refuse


@dataclass(frozen=True, slots=True)
class Progress:
    """Numbers of runs.

    Attributes:
        done: have ended, well or not.
        failed: have ended by an error.
        total: were asked for; None where that is not known, as of a generator.
    """

    done: int
    failed: int
    total: int | None


Report = Callable[[Progress], object]


@contextmanager
def reporting(progress: bool | Report, total: int | None) -> Generator[Report | None]:
    """Whom to tell of the progress: nobody, the given function, or a bar on standard error.

    Raises:
        ConfigError: it is neither a function nor True or False.
    """
    given = cast("object", progress)
    if isinstance(given, bool):
        if not given:
            yield None
            return
    elif callable(given):
        yield cast("Report", given)
        return
    else:
        refuse("progress", given, "True for a bar, a function of a Progress, or False")
    from rich.console import Console  # here, as most programs show no bar
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bars

    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Bars(*columns, console=Console(stderr=True)) as bars:
        bar = bars.add_task("", total=total)

        def show(now: Progress) -> None:
            failed = f"{now.failed} failed" if now.failed else ""
            bars.update(bar, completed=now.done, description=failed)

        yield show
