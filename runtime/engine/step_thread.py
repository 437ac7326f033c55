"""A thread that works while there is something to do, and goes away when there is not."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable


class StepThread:
    """Calls `turn` in a thread of its own, again and again while it returns True; then sleeps until woken.

    The thread starts when first woken and ends after a while of sleep, so an engine that nobody closes leaves none
    behind. `turn` should not raise: if it does, or `prepare`, the thread is dead for good.
    """

    def __init__(
        self,
        name: str,
        turn: Callable[[], bool],
        prepare: Callable[[], object],
        died: Callable[[BaseException], object],
        *,
        linger_s: float = 5.0,
    ) -> None:
        """
        Args:
            prepare: called in each new thread before its first turn.
            died: called in the thread with what has killed it; nothing is called after that.
            linger_s: sleep after which the thread ends.
        """
        self._name = name
        self._turn = turn
        self._prepare = prepare
        self._died = died
        self._linger_s = linger_s
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._wanted = False
        self._stopping = False
        self._dead = False
        self._on_stop: list[Callable[[], object]] = []

    def wake(self) -> None:
        """There is something to do. Any thread may call this; it does not wait."""
        with self._changed:
            self._wanted = True
            if self._thread is None and not self._dead:
                self._thread = threading.Thread(target=self._main, name=self._name, daemon=True)
                self._thread.start()
            self._changed.notify()

    async def stop(self) -> None:
        """Let the thread finish what there is to do, then end it."""
        loop = asyncio.get_running_loop()
        stopped = loop.create_future()
        with self._changed:
            thread = self._thread
            if thread is None:
                return
            self._stopping = True
            self._on_stop.append(lambda: loop.call_soon_threadsafe(stopped.set_result, None))
            self._changed.notify()
        await asyncio.shield(stopped)
        thread.join()

    def _main(self) -> None:
        try:
            self._prepare()
            while self._wait():
                while self._turn():
                    pass
        except BaseException as error:  # noqa: BLE001  (whoever waits must hear of it, whatever it is)
            with self._changed:
                self._dead = True
            try:
                self._died(error)
            finally:
                with self._changed:
                    self._end()

    def _wait(self) -> bool:
        with self._changed:
            if not self._wanted and not self._stopping:
                self._changed.wait(self._linger_s)
            if self._wanted:
                self._wanted = False
                return True
            self._end()
            return False

    def _end(self) -> None:
        """Tell those who wait for the thread's end; under the lock."""
        self._thread = None
        self._stopping = False
        for call in self._on_stop:
            call()
        self._on_stop.clear()
