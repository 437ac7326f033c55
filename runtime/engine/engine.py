"""The engine: async submit, stream and abort in front, a step loop in a thread of its own behind.

`step` is the map: schedule, forward, decode, settle. Rows, blocks and tensors belong to the step loop's thread alone. Callers, on
any number of event loops and threads, reach it through an inbox and hear from it through their own loop.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from time import monotonic
from types import TracebackType
from typing import Self

from agentfast.errors import AbortedError, AgentFastError, EngineClosedError, EngineError, QueueFullError
from agentfast.runtime.backends.base import Backend, Forward, ForwardPass
from agentfast.runtime.backends.registry import backend_for
from agentfast.runtime.core.config import EngineConfig
from agentfast.runtime.core.log import get_logger
from agentfast.runtime.core.random_streams import RandomStreams
from agentfast.runtime.core.tokenizer import Tokenizer
from agentfast.runtime.decoding.base import Decoder, Outcome, failure
from agentfast.runtime.decoding.registry import decoder_for
from agentfast.runtime.decoding.state import DecoderState
from agentfast.runtime.engine.admission import Admission
from agentfast.runtime.engine.delivery import Outbox, Ticket
from agentfast.runtime.engine.metrics import Metrics
from agentfast.runtime.engine.step_thread import StepThread
from agentfast.runtime.jit import cold_start
from agentfast.runtime.model.block_diffusion import BlockDiffusionModel
from agentfast.runtime.scheduling.batch import Batch
from agentfast.runtime.scheduling.request import CanvasUpdate, Completion, FinishReason, Request, Usage
from agentfast.runtime.scheduling.row import Row
from agentfast.runtime.scheduling.scheduler import Scheduler

logger = get_logger("engine")


@dataclass(frozen=True, slots=True)
class StepView:
    """View of a step for observers: the canvases of its rows, its tokens, and the number of rows that wait."""

    canvases: tuple[CanvasUpdate, ...]
    batch_rows: int
    batch_tokens: int
    waiting: int


class Engine:
    """Generates for any number of concurrent requests on one model.

    Cancelling the task that awaits `submit`, or closing the iterator of `stream`, frees the row at the next step.
    """

    def __init__(
        self,
        model: BlockDiffusionModel,
        tokenizer: Tokenizer,
        config: EngineConfig | None = None,
        *,
        backend: Backend | None = None,
        decoder: Callable[[Backend], Decoder] | None = None,
        streams: Callable[[Request], RandomStreams] | None = None,
    ) -> None:
        """
        Args:
            backend: runs the model; None: the one for its size and device.
            decoder: makes the decoder; None: the one that the model's kind asks for.
            streams: where a request's random numbers come from; None: its seed.
        """
        self.config = config or EngineConfig()
        self.metrics = Metrics()
        self.tokenizer = tokenizer
        cold_start.begin()
        self._backend = backend or backend_for(model.eval(), self.config)
        if decoder is None:
            self._decoder = decoder_for(model.config, self._backend, tokenizer, self.config)
        else:
            self._decoder = decoder(self._backend)
        self._admission = Admission(model.config, tokenizer.vocabulary, self._decoder, self.config, streams)
        self._scheduler = Scheduler(self.config)
        self._outbox = Outbox()
        self._observers: tuple[Callable[[StepView], None], ...] = ()
        self._process = os.getpid()
        self._lock = threading.Lock()  # guards the five fields that follow
        self._tickets: dict[Row, Ticket] = {}  # of every row that is not finished
        self._inbox: deque[Row] = deque()  # rows that the scheduler has not seen
        self._aborts: list[tuple[Row, AgentFastError]] = []
        self._closed = False
        self._killer: BaseException | None = None  # of the step thread
        self._stepping = threading.Lock()  # held during a turn, so that integrity is checked between turns
        self._step_thread = StepThread(
            "agentfast-engine", self._turn, self._backend.prepare_thread, self._step_thread_died
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def submit(self, request: Request) -> Completion:
        """Generate.

        Raises:
            ConfigError: a token id is not in the vocabulary.
            BudgetTooSmallError, GrammarError: the grammar has no output within max_tokens, or none at all.
            CapacityError: the request can never fit.
            QueueFullError: the queue is full and the configuration says to raise rather than to wait.
            EngineClosedError: the engine is, or was meanwhile, closed.
            EngineError: the row failed, the engine's thread died, or the process is a fork of the engine's.
        """
        row, ticket = await self._enqueue(request, streaming=False)
        try:
            return await ticket.result()
        finally:
            self._abort(row)

    async def stream(self, request: Request) -> AsyncIterator[CanvasUpdate | Completion]:
        """Generate, yielding the row's canvas after each of its steps, and the completion last. Raises as `submit`."""
        row, ticket = await self._enqueue(request, streaming=True)
        try:
            while (update := await ticket.next_update()) is not None:
                yield update
            yield await ticket.result()
        finally:
            self._abort(row)

    def abort(self, request_id: int) -> None:
        """Give a request up; whoever awaits it gets AbortedError. Unknown and finished ids are ignored."""
        with self._lock:
            rows = [row for row in self._tickets if row.request.id == request_id]
        for row in rows:
            self._abort(row)

    def observe(self, observer: Callable[[StepView], None]) -> Callable[[], None]:
        """Call `observer` after every step, in the step loop's thread: it must be quick and must not raise.

        Returns:
            A function that ends the observation.
        """
        self._observers = (*self._observers, observer)

        def stop() -> None:
            self._observers = tuple(other for other in self._observers if other is not observer)

        return stop

    def check_integrity(self) -> None:
        """Check the KV cache's books; waits for a step that is under way.

        Raises:
            AssertionError: an invariant is broken.
        """
        with self._stepping:
            self._scheduler.check_integrity()

    def blocks(self) -> dict[str, int]:
        """Numbers of KV blocks that are free, cached and used; waits for a step that is under way."""
        with self._stepping:
            return self._scheduler.pool.counts()

    async def aclose(self, *, drain: bool = False) -> None:
        """End the engine. Requests under way get EngineClosedError; with `drain` they are completed first."""
        if os.getpid() != self._process:
            return  # the threads are the parent's
        with self._lock:
            self._closed = True
            if not drain:
                self._aborts += [(row, EngineClosedError("the engine was closed")) for row in self._tickets]
            if self._aborts:
                self._step_thread.wake()
        await self._step_thread.stop()
        self._backend.close()

    async def _enqueue(self, request: Request, *, streaming: bool) -> tuple[Row, Ticket]:
        self._check_usable()
        row = await self._admission.admit(request)
        ticket = Ticket(streaming=streaming)
        with self._lock:
            if self._closed:
                raise EngineClosedError("the engine is closed")
            if self._killer is not None:
                raise _dead(self._killer)
            waiting = len(self._inbox) + len(self._scheduler.waiting)
            if self.config.when_full == "raise" and waiting >= self.config.max_queue:
                raise QueueFullError(f"{waiting} requests wait already", hint="raise max_queue, or try again")
            self._inbox.append(row)
            self._tickets[row] = ticket
            self.metrics.submitted += 1
            self._step_thread.wake()
        return row, ticket

    def _check_usable(self) -> None:
        if os.getpid() != self._process:
            raise EngineError(
                "this process is a fork of the one that made the engine, whose threads a fork does not have",
                hint="load the model in each process, after the fork, or start processes by spawn",
            )
        if self._killer is not None:
            raise _dead(self._killer)

    def _abort(self, row: Row) -> None:
        with self._lock:
            if row in self._tickets:
                self._aborts.append((row, AbortedError("the request was aborted")))
                self._step_thread.wake()

    # What follows runs in the step loop's thread.

    def _turn(self) -> bool:
        """Take in what callers asked for and take a step. Returns whether there is more to do."""
        with self._stepping:
            self._take_in()
            if self._tickets:
                self._guarded_step()
            self._outbox.flush()
            return bool(self._tickets)

    def step(self) -> None:
        """Schedule, forward, decode, settle. docs/trip-of-a-request.md follows a request through it."""
        batch = self._scheduler.schedule()
        if batch:  # a request may have come since the scheduler was last told of any
            forward = self._backend.forward(batch)
            outcomes = self._decode(forward)
            self._settle(batch, outcomes)

    def _take_in(self) -> None:
        with self._lock:
            aborts, self._aborts = self._aborts, []
        for row, error in aborts:
            self._end(row, error)
        with self._lock:
            places = self.config.max_queue - len(self._scheduler.waiting)
            newcomers = [self._inbox.popleft() for _ in range(min(places, len(self._inbox)))]
        for row in newcomers:
            self._scheduler.add(row)
            outcome = self._start(row)
            if outcome is not None:
                self._conclude(outcome)

    def _start(self, row: Row) -> Outcome | None:
        try:
            return self._decoder.start(row)
        except Exception as error:  # a bug is that row's alone
            logger.exception("a row cannot start")
            return Outcome(row, error=failure(error))

    def _guarded_step(self) -> None:
        """A step whose failure as a whole is that of the rows in it: nobody waits for ever, and others go on."""
        began = monotonic()
        try:
            self.step()
        except Exception as error:  # a bug or a lack of memory must not end the loop
            logger.exception("step failed")
            failed = failure(error)
            for row in self._scheduler.in_flight():
                self._end(row, failed)
        self.metrics.busy_s += monotonic() - began

    def _step_thread_died(self, killer: BaseException) -> None:
        """Fail every request, and by `_check_usable` every later one."""
        logger.critical("the engine's thread died", exc_info=killer)
        with self._lock:
            self._killer = killer
            tickets = list(self._tickets.values())
            self._tickets.clear()
            self._inbox.clear()
        for ticket in tickets:
            self.metrics.failed += 1
            self._outbox.put(ticket, _dead(killer))
        self._outbox.flush()

    def _decode(self, forward: ForwardPass) -> list[Outcome]:
        """Decode a forward pass part by part, in the backend's threads."""
        return [outcome for outcomes in forward.map(self._decode_part) for outcome in outcomes]

    def _decode_part(self, part: Batch, forward: Forward) -> list[Outcome]:
        """Decode a part of a batch; its failure is that of these rows."""
        try:
            return self._decoder.update(part, forward)
        except Exception as error:  # as above
            logger.exception("decoding failed")
            return [Outcome(scheduled.row, error=failure(error)) for scheduled in part.rows]

    def _settle(self, batch: Batch, outcomes: list[Outcome]) -> None:
        failed = [outcome.row for outcome in outcomes if outcome.error is not None]
        undone = {outcome.row: outcome.encoded for outcome in outcomes if outcome.encoded is not None}
        self._scheduler.settle(batch, failed, undone)
        self.metrics.count_step(batch, outcomes)
        self._show(batch, outcomes)
        for outcome in outcomes:
            self._conclude(outcome)

    def _conclude(self, outcome: Outcome) -> None:
        row = outcome.row
        if outcome.error is not None:
            self._end(row, outcome.error)
        elif outcome.finish is not None:
            self.metrics.count_completion(row, ended=outcome.finish == "stop")
            self._end(row, self._completion(row, outcome.finish))

    def _end(self, row: Row, item: Completion | AgentFastError) -> None:
        with self._lock:
            ticket = self._tickets.pop(row, None)
            if ticket is None:
                return
            new = row in self._inbox
            if new:
                self._inbox.remove(row)
        if not new:
            self._scheduler.remove(row)
            self._backend.release(row)
        if isinstance(item, AbortedError | EngineClosedError):
            self.metrics.aborted += 1
        elif isinstance(item, AgentFastError):
            self.metrics.failed += 1
            logger.warning("request failed", request=row.request.id, error=str(item))
        self._outbox.put(ticket, item)

    def _completion(self, row: Row, finish: FinishReason) -> Completion:
        now, state = monotonic(), DecoderState.of(row)
        tokens = tuple(row.tokens[len(row.request.prompt) :])
        usage = Usage(
            prompt_tokens=len(row.request.prompt),
            cached_tokens=row.cached,
            generated_tokens=len(tokens) + (finish == "stop"),
            canvases=state.canvases,
            steps=state.steps,
            queue_s=(row.admitted or now) - row.submitted,
            total_s=now - row.submitted,
        )
        fields = state.ledger.result() if state.ledger is not None else ()
        return Completion(row.request.id, tokens, self.tokenizer.decode(tokens), finish, usage, fields)

    def _show(self, batch: Batch, outcomes: list[Outcome]) -> None:
        """Tell the streams and the observers. Costs nothing when there are none."""
        observers = self._observers
        updates = [
            (ticket, _update(outcome))
            for outcome in outcomes
            if outcome.error is None
            and (ticket := self._tickets.get(outcome.row)) is not None
            and (observers or ticket.streaming)
        ]
        for ticket, update in updates:
            if ticket.streaming:
                self._outbox.put(ticket, update)
        if observers:
            canvases = tuple(update for _, update in updates)
            view = StepView(canvases, len(batch.rows), batch.tokens, len(self._scheduler.waiting))
            for observer in observers:
                observer(view)


def _dead(killer: BaseException) -> EngineError:
    error = EngineError(
        f"the engine's thread died of {type(killer).__name__}: {killer}",
        hint="load the model anew; the log has the traceback",
    )
    error.__cause__ = killer
    return error


def _update(outcome: Outcome) -> CanvasUpdate:
    row, canvas = outcome.row, outcome.canvas
    if canvas is None or canvas.best is None or canvas.accepted is None:
        tokens = tuple(row.tokens[len(row.request.prompt) :])
        index, start, step, accepted = 0, 0, DecoderState.of(row).steps, (True,) * len(tokens)
    else:
        tokens, accepted = tuple(canvas.best.tolist()), tuple(canvas.accepted.tolist())
        index, start, step = canvas.index, canvas.start, canvas.step
    return CanvasUpdate(
        request_id=row.request.id,
        program=row.request.program,
        index=index,
        start=start,
        step=step,
        tokens=tokens,
        accepted=accepted,
        committed=outcome.committed,
    )
