"""The engine: async submit, stream and abort in front, a step loop in a thread of its own behind.

`step` is the map: schedule, run, settle. Rows, blocks and tensors belong to the step loop's thread alone. Callers, on
any number of event loops and threads, reach it through an inbox and hear from it through their own loop.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from time import monotonic
from types import TracebackType
from typing import Self

from agentfast.errors import AbortedError, AgentFastError, EngineClosedError, QueueFullError
from agentfast.runtime.backends.cpu.fused_model import FusedModel, Network
from agentfast.runtime.backends.runner import Forward, Runner
from agentfast.runtime.core.config import EngineConfig
from agentfast.runtime.core.log import get_logger
from agentfast.runtime.core.random_streams import Draws
from agentfast.runtime.core.request import CanvasUpdate, Completion, FinishReason, Request, Row, Usage
from agentfast.runtime.core.tokenizer import Tokenizer
from agentfast.runtime.decoding.autoregressive import AutoregressiveDecoder
from agentfast.runtime.decoding.base import Decoder, Outcome, failure
from agentfast.runtime.decoding.canvas_length import CanvasLengths
from agentfast.runtime.decoding.diffusion import DiffusionDecoder
from agentfast.runtime.engine.admission import Intake
from agentfast.runtime.engine.delivery import Outbox, Ticket
from agentfast.runtime.engine.metrics import Metrics
from agentfast.runtime.engine.step_thread import Worker
from agentfast.runtime.jit.disk_cache import compile_beside
from agentfast.runtime.model.block_diffusion import BlockDiffusionModel
from agentfast.runtime.scheduling.scheduler import Batch, Scheduler

logger = get_logger("engine")


@dataclass(frozen=True, slots=True)
class StepView:
    """What an observer sees of a step: the canvases of its rows, how many tokens it took, how many rows wait."""

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
        decoder: Decoder | None = None,
        draws: Callable[[Request], Draws] | None = None,
    ) -> None:
        """
        Args:
            decoder: None: the one that the model's kind asks for.
            draws: where a request's random numbers come from; None: its seed.
        """
        self.config = config or EngineConfig()
        self.metrics = Metrics()
        self.tokenizer = tokenizer
        self._runner = Runner(model.eval(), self.config)
        if isinstance(self._runner.network, FusedModel):
            compile_beside("agentfast.runtime.engine.warm_up")
        self._decoder = decoder or _decoder_for(model, self._runner.network, tokenizer, self.config)
        self._intake = Intake(model.config, tokenizer.vocabulary, self._decoder, self.config, draws)
        self._scheduler = Scheduler(self.config)
        self._outbox = Outbox()
        self._observers: tuple[Callable[[StepView], None], ...] = ()
        self._lock = threading.Lock()  # guards the four fields that follow
        self._tickets: dict[Row, Ticket] = {}  # of every row that is not finished
        self._inbox: deque[Row] = deque()  # rows that the scheduler has not seen
        self._aborts: list[tuple[Row, AgentFastError]] = []
        self._closed = False
        self._stepping = threading.Lock()  # held during a turn, so that integrity is checked between turns
        self._worker = Worker("agentfast-engine", self._turn, self._runner.prepare_thread)

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
            EngineError: the row failed.
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
        """How many KV blocks are free, cached and used; waits for a step that is under way."""
        with self._stepping:
            return self._scheduler.pool.counts()

    async def aclose(self, *, drain: bool = False) -> None:
        """End the engine. Requests under way get EngineClosedError; with `drain` they are completed first."""
        with self._lock:
            self._closed = True
            if not drain:
                self._aborts += [(row, EngineClosedError("the engine was closed")) for row in self._tickets]
            if self._aborts:
                self._worker.wake()
        await self._worker.stop()
        self._runner.close()

    async def _enqueue(self, request: Request, *, streaming: bool) -> tuple[Row, Ticket]:
        row = await self._intake.admit(request)
        ticket = Ticket(streaming=streaming)
        with self._lock:
            if self._closed:
                raise EngineClosedError("the engine is closed")
            waiting = len(self._inbox) + len(self._scheduler.waiting)
            if self.config.when_full == "raise" and waiting >= self.config.max_queue:
                raise QueueFullError(f"{waiting} requests wait already", hint="raise max_queue, or try again")
            self._inbox.append(row)
            self._tickets[row] = ticket
            self.metrics.submitted += 1
            self._worker.wake()
        return row, ticket

    def _abort(self, row: Row) -> None:
        with self._lock:
            if row in self._tickets:
                self._aborts.append((row, AbortedError("the request was aborted")))
                self._worker.wake()

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
        """One forward pass for all rows that run now, and what the decoder makes of it."""
        batch = self._scheduler.schedule()
        if batch:  # a request may have come since the scheduler was last told of any
            parts = self._runner.run(batch, self._decode)
            self._settle(batch, [outcome for part in parts for outcome in part])

    def _take_in(self) -> None:
        with self._lock:
            aborts, self._aborts = self._aborts, []
        for row, error in aborts:
            self._end(row, error)
        with self._lock:
            room = self.config.max_queue - len(self._scheduler.waiting)
            newcomers = [self._inbox.popleft() for _ in range(min(room, len(self._inbox)))]
        for row in newcomers:
            self._scheduler.add(row)
            outcome = self._decoder.start(row)
            if outcome is not None:
                self._conclude(outcome)

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

    def _decode(self, part: Batch, forward: Forward) -> list[Outcome]:
        """What the decoder makes of a part of a batch, in the thread that ran it; its failure is that of these rows."""
        try:
            return self._decoder.update(part, forward)
        except Exception as error:  # as above
            logger.exception("decoding failed")
            return [Outcome(work.row, error=failure(error)) for work in part.works]

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
            self._runner.release(row)
        if isinstance(item, AbortedError | EngineClosedError):
            self.metrics.aborted += 1
        elif isinstance(item, AgentFastError):
            self.metrics.failed += 1
            logger.warning("request failed", request=row.request.id, error=str(item))
        self._outbox.put(ticket, item)

    def _completion(self, row: Row, finish: FinishReason) -> Completion:
        now = monotonic()
        tokens = tuple(row.tokens[len(row.request.prompt) :])
        usage = Usage(
            prompt_tokens=len(row.request.prompt),
            cached_tokens=row.cached,
            generated_tokens=len(tokens) + (finish == "stop"),
            canvases=row.canvases,
            steps=row.steps,
            queue_s=(row.admitted or now) - row.submitted,
            total_s=now - row.submitted,
        )
        fields = row.ledger.result() if row.ledger is not None else ()
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
            view = StepView(canvases, len(batch.works), batch.tokens, len(self._scheduler.waiting))
            for observer in observers:
                observer(view)


def _update(outcome: Outcome) -> CanvasUpdate:
    row, canvas = outcome.row, outcome.canvas
    if canvas is None or canvas.best is None or canvas.accepted is None:
        tokens = tuple(row.tokens[len(row.request.prompt) :])
        index, step, accepted = 0, row.steps, (True,) * len(tokens)
    else:
        tokens, accepted = tuple(canvas.best.tolist()), tuple(canvas.accepted.tolist())
        index, step = canvas.index, canvas.step
    return CanvasUpdate(
        request_id=row.request.id,
        program=row.request.program,
        index=index,
        step=step,
        tokens=tokens,
        accepted=accepted,
        committed=outcome.committed,
    )


def _decoder_for(
    model: BlockDiffusionModel, network: Network, tokenizer: Tokenizer, config: EngineConfig
) -> Decoder:
    eos_ids = tokenizer.vocabulary.eos_ids
    if model.config.kind == "autoregressive":
        return AutoregressiveDecoder(config.generation, eos_ids)
    if config.canvas_length is not None:
        lengths = CanvasLengths(config.canvas_length)
    else:
        usual = config.generation.usual_canvas or model.config.canvas_length
        lengths = CanvasLengths(usual, config.generation.canvas_lengths)
    special = frozenset(tokenizer.vocabulary.special.values())
    return DiffusionDecoder(network, config.generation, lengths, eos_ids, special)
