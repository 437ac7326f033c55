"""The constrained rows, by the slots that vLLM gives to requests."""

from __future__ import annotations

from agentfast.runtime.adapters.vllm.steps.row import ConstrainedRow


class RowTable:
    """The constrained rows, by vLLM's slots."""

    def __init__(self) -> None:
        self._rows: dict[int, ConstrainedRow] = {}
        self._places: dict[str, tuple[int, ConstrainedRow]] = {}

    def __len__(self) -> int:
        return len(self._rows)

    def add(self, request_id: str, slot: int, row: ConstrainedRow | None) -> None:
        """Note what a slot holds from now on: a constrained row, or a free one (None)."""
        self._rows.pop(slot, None)
        if row is not None:
            self._rows[slot] = row
            self._places[request_id] = slot, row

    def remove(self, request_id: str) -> None:
        """Forget a request; nothing for one that is not here."""
        slot, row = self._places.pop(request_id, (-1, None))
        if row is not None and self._rows.get(slot) is row:
            del self._rows[slot]

    def get(self, slot: int) -> ConstrainedRow | None:
        """The constrained row in a slot."""
        return self._rows.get(slot)
