"""Who runs now. Plain Python over rows and block numbers; it knows neither tensors nor models."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import count
from time import monotonic

from agentfast.runtime.core.config import EngineConfig
from agentfast.runtime.core.request import Row, Status
from agentfast.runtime.kvcache.block_pool import BlockPool
from agentfast.runtime.kvcache.prefix_keys import block_keys
from agentfast.runtime.scheduling.fairness import ServiceLedger


@dataclass(frozen=True, slots=True)
class Work:
    """A row's part in one forward pass: encode positions [start, stop), and take a decoding step or not.

    Both may happen in the same pass: each layer writes the encoded keys and values before anyone reads them.

    Attributes:
        follows: it reads blocks that another row encodes in this very pass.
        canvas_tokens: of the row's canvas, if the step denoises one.
        reads: the last so many encode positions are those whose next token's logits are wanted.
    """

    row: Row
    start: int
    stop: int
    decode: bool
    follows: bool = False
    canvas_tokens: int = field(init=False)
    reads: int = field(init=False)

    def __post_init__(self) -> None:
        row, encodes = self.row, self.stop - self.start
        complete = row.looks_ahead and (self.decode or self.stop == len(row.tokens))
        object.__setattr__(self, "canvas_tokens", row.canvas_tokens if self.decode else 0)
        object.__setattr__(self, "reads", (encodes if row.draft else min(1, encodes)) if complete else 0)

    @property
    def tokens(self) -> int:
        return self.stop - self.start + self.canvas_tokens


@dataclass(frozen=True, slots=True)
class Batch:
    """One forward pass."""

    works: tuple[Work, ...]

    @property
    def tokens(self) -> int:
        return sum(work.tokens for work in self.works)

    @property
    def decoding(self) -> list[Work]:
        """The works that take a decoding step."""
        return [work for work in self.works if work.decode]

    def __bool__(self) -> bool:
        return bool(self.works)


class Scheduler:
    """Admits rows, forms batches and keeps the block pool's books.

    Order: priority, then least service attained by the row's program, then arrival. A row is admitted once blocks
    for its whole reach are at hand, so a running row never waits for memory and is never thrown out. The first row
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
            self._ledger.unreserve(row.program, row.claim)
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
        works: list[Work] = []
        room = self._config.max_batch_tokens
        filling: dict[bytes, int] = {}
        for row in sorted(self.running, key=self._rank):
            work = self._plan(row, room, filling, must=not works)
            if work is not None:
                works.append(work)
                room -= work.tokens
        for work in works:
            self._ledger.charge(work.row.program, work.tokens)
        self._current = Batch(tuple(works))
        return self._current

    def in_flight(self) -> list[Row]:
        """Rows of the batch that was scheduled last; all that run if scheduling itself failed."""
        if self._current is None:
            return list(self.running)
        return [work.row for work in self._current.works]

    def settle(
        self, batch: Batch, failed: Iterable[Row] = (), undone: Mapping[Row, int] | None = None
    ) -> None:
        """Book what a forward pass encoded. What a failed row wrote is never offered to others.

        Args:
            undone: where a row's valid positions end, if the pass encoded a draft that does not stand.
        """
        distrusted = set(failed)
        for work in batch.works:
            row = work.row
            stop = row.encoded = (undone or {}).get(row, work.stop)
            if row in distrusted or not self._config.prefix_cache:
                continue
            final = row.tokens if row.draft is None else row.tokens[: row.settled]
            row.keys = block_keys(final, self._config.block_size, row.keys)
            for index in range(work.start // self._config.block_size, stop // self._config.block_size):
                self.pool.register(row.blocks[index], row.keys[index])

    def check_integrity(self) -> None:
        """Check the pool against the running rows.

        Raises:
            AssertionError: an invariant is broken.
        """
        self.pool.check_integrity(row.blocks for row in self.running)
        for row in self.running:
            assert row.encoded <= len(row.tokens) <= row.reach + 1, "a row encoded more than it has"
            assert len(row.blocks) * self._config.block_size >= row.reach, "a row lacks blocks for its reach"

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
            row.claim = len(row.request.prompt) + row.canvas_tokens
            self._ledger.reserve(row.program, row.claim)
            row.status = Status.RUNNING
            row.admitted = monotonic()

    def _give_blocks(self, row: Row) -> bool:
        shared = self.pool.lookup(row.keys[: self._shareable(row)])
        missing = -(-row.reach // self._config.block_size) - len(shared)
        if self.pool.available - self.pool.idle(shared) < missing:
            return False
        self.pool.hold(shared)
        row.blocks = shared + self.pool.allocate(missing)
        row.encoded = row.cached = len(shared) * self._config.block_size
        return True

    def _shareable(self, row: Row) -> int:
        """How many of the row's first blocks may come from the cache.

        A row that wants the logits of what comes next runs its last token itself, because they are read off it.
        """
        usable = row.settled - row.looks_ahead
        return min(len(row.keys), usable // self._config.block_size)

    def _plan(self, row: Row, room: int, filling: dict[bytes, int], *, must: bool) -> Work | None:
        size = self._config.block_size
        adopted = self._adoptable(row, filling)
        start = row.encoded + len(adopted) * size
        stop = len(row.tokens)
        if row.draft is None:
            stop = min(stop, start + min(room, self._config.max_prefill_tokens))
        elif not must and room < stop - start:
            return None  # a draft is read over at once
        complete = stop == len(row.tokens)
        if not complete:
            stop = max(start, stop // size * size)  # whole blocks, so that others can share each of them
        decode = complete and (must or room - (stop - start) >= row.canvas_tokens)
        if stop == start and not decode:
            return None
        self._adopt(row, adopted)
        follows = not filling.keys().isdisjoint(row.keys[: start // size])
        for index in range(start // size, min(stop // size, len(row.keys))):
            filling.setdefault(row.keys[index], row.blocks[index])
        return Work(row, start, stop, decode, follows)

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
