"""The scheduler: the rows of the next forward pass. Plain Python over rows and block numbers; no tensors, no models."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import count
from time import monotonic

from agentfast.runtime.core.config import EngineConfig
from agentfast.runtime.kvcache.block_pool import BlockPool
from agentfast.runtime.kvcache.prefix_keys import block_keys
from agentfast.runtime.scheduling.batch import Batch, ScheduledRow
from agentfast.runtime.scheduling.fairness import ServiceLedger
from agentfast.runtime.scheduling.row import Row, Status


class Scheduler:
    """Admits rows, forms batches and keeps the block pool's books.

    Order: priority, then least service attained by the row's program, then arrival. A row is admitted once blocks
    for all its positions are at hand, so a running row never waits for memory and is never thrown out. The first row
    in line that does not fit holds back those behind it, so large requests are not starved by small ones.
    """

    def __init__(self, config: EngineConfig) -> None:
        self.pool = BlockPool(config.num_blocks)
        self.waiting: list[Row] = []
        self.running: list[Row] = []
        self._config = config
        self._current: Batch | None = None
        self._ledger = ServiceLedger()
        self._arrivals = count()

    def add(self, row: Row) -> None:
        """Queue a new row."""
        row.order = next(self._arrivals)
        self._ledger.enter(row.program)
        self.waiting.append(row)

    def remove(self, row: Row) -> None:
        """Take a row out, finished or not; its blocks are free or cached from now on."""
        if row.status is Status.FINISHED:
            return
        if row.status is Status.RUNNING:
            self.running.remove(row)
            self.pool.release(row.blocks)
            row.blocks = []
            self._ledger.unreserve(row.program, row.reserved_tokens)
        else:
            self.waiting.remove(row)
        row.status = Status.FINISHED
        self._ledger.leave(row.program)

    def schedule(self) -> Batch:
        """The next forward pass: as many rows as the token budget holds, each with as much work as fits.

        The first row always gets its step, even if its canvas alone exceeds the budget.
        """
        self._current = None
        self._admit()
        scheduled: list[ScheduledRow] = []
        tokens_left = self._config.max_batch_tokens
        filling: dict[bytes, int] = {}
        for row in sorted(self.running, key=self._rank):
            part = self._part_of(row, tokens_left, filling, must=not scheduled)
            if part is not None:
                scheduled.append(part)
                tokens_left -= part.tokens
        for part in scheduled:
            self._ledger.charge(part.row.program, part.tokens)
        self._current = Batch(tuple(scheduled))
        return self._current

    def in_flight(self) -> list[Row]:
        """Rows of the batch that was scheduled last; all that run if scheduling itself failed."""
        if self._current is None:
            return list(self.running)
        return [part.row for part in self._current.rows]

    def settle(
        self, batch: Batch, failed: Iterable[Row] = (), undone: Mapping[Row, int] | None = None
    ) -> None:
        """Book what a forward pass encoded. What a failed row wrote is never offered to others.

        Args:
            undone: where a row's valid positions end, if the pass encoded provisional tokens that were taken back.
        """
        distrusted = set(failed)
        for part in batch.rows:
            row = part.row
            stop = row.encoded = (undone or {}).get(row, part.stop)
            if row in distrusted or not self._config.prefix_cache:
                continue
            final = row.tokens[: row.final_tokens] if row.provisional_tokens else row.tokens
            row.keys = block_keys(final, self._config.block_size, row.keys)
            for index in range(part.start // self._config.block_size, stop // self._config.block_size):
                self.pool.register(row.blocks[index], row.keys[index])

    def check_integrity(self) -> None:
        """Check the pool against the running rows.

        Raises:
            AssertionError: an invariant is broken.
        """
        self.pool.check_integrity(row.blocks for row in self.running)
        for row in self.running:
            assert row.encoded <= len(row.tokens) <= row.max_kv_positions + 1, (
                "a row encoded more than it has"
            )
            assert len(row.blocks) * self._config.block_size >= row.max_kv_positions, (
                "a row lacks blocks for its positions"
            )

    def _rank(self, row: Row) -> tuple[int, int, int]:
        return -row.request.priority, self._ledger.attained(row.program), row.order

    def _admission_rank(self, row: Row) -> tuple[int, int, int]:
        return -row.request.priority, self._ledger.expected(row.program), row.order

    def _admit(self) -> None:
        while self.waiting and len(self.running) < self._config.max_rows:
            row = min(self.waiting, key=self._admission_rank)
            if not self._give_blocks(row):
                return
            self.waiting.remove(row)
            self.running.append(row)
            row.reserved_tokens = len(row.request.prompt) + row.canvas_tokens
            self._ledger.reserve(row.program, row.reserved_tokens)
            row.status = Status.RUNNING
            row.admitted = monotonic()

    def _give_blocks(self, row: Row) -> bool:
        shared = self.pool.lookup(row.keys[: self._shareable(row)])
        missing = -(-row.max_kv_positions // self._config.block_size) - len(shared)
        if self.pool.available - self.pool.idle(shared) < missing:
            return False
        self.pool.hold(shared)
        row.blocks = shared + self.pool.allocate(missing)
        row.encoded = row.cached = len(shared) * self._config.block_size
        return True

    def _shareable(self, row: Row) -> int:
        """Number of the row's first blocks that may come from the cache.

        A row that wants the logits of what comes next runs its last token itself, because they are read off it.
        """
        usable = row.final_tokens - row.wants_next_logits
        return min(len(row.keys), usable // self._config.block_size)

    def _part_of(
        self, row: Row, tokens_left: int, filling: dict[bytes, int], *, must: bool
    ) -> ScheduledRow | None:
        size = self._config.block_size
        adopted = self._adoptable(row, filling)
        start = row.encoded + len(adopted) * size
        stop = len(row.tokens)
        if not row.provisional_tokens:
            stop = min(stop, start + min(tokens_left, self._config.max_prefill_tokens))
        elif not must and tokens_left < stop - start:
            return None  # provisional tokens are verified in one pass
        complete = stop == len(row.tokens)
        if not complete:
            stop = max(start, stop // size * size)  # whole blocks, so that others can share each of them
        decode = complete and (must or tokens_left - (stop - start) >= row.canvas_tokens)
        if stop == start and not decode:
            return None
        self._adopt(row, adopted)
        reads_in_flight = not filling.keys().isdisjoint(row.keys[: start // size])
        for index in range(start // size, min(stop // size, len(row.keys))):
            filling.setdefault(row.keys[index], row.blocks[index])
        return ScheduledRow(row, start, stop, decode, reads_in_flight)

    def _adoptable(self, row: Row, filling: dict[bytes, int]) -> list[int]:
        """The next blocks of the row that another one has encoded meanwhile, or encodes in this very pass."""
        size = self._config.block_size
        blocks: list[int] = []
        if row.encoded % size:
            return blocks
        for key in row.keys[row.encoded // size : self._shareable(row)]:
            found = self.pool.lookup([key])
            block = found[0] if found else filling.get(key)
            if block is None:
                break
            blocks.append(block)
        return blocks

    def _adopt(self, row: Row, blocks: list[int]) -> None:
        first = row.encoded // self._config.block_size
        own = row.blocks[first : first + len(blocks)]
        self.pool.hold(blocks)
        self.pool.release(own)
        row.blocks[first : first + len(blocks)] = blocks
        row.encoded += len(blocks) * self._config.block_size
        row.cached += len(blocks) * self._config.block_size
