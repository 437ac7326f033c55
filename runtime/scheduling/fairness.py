"""Service attained per program: the measure by which the scheduler is fair."""

from __future__ import annotations

from collections import OrderedDict, defaultdict

_REMEMBERED = 4096


class ServiceLedger:
    """Counts the tokens that each program was served.

    A program that arrives, or comes back after a pause, starts no lower than the least served one present, so that
    it cannot make up for time in which it asked for nothing (virtual token counter, arXiv 2401.00588).
    """

    def __init__(self) -> None:
        self._attained: OrderedDict[str, int] = OrderedDict()  # least recently entered first
        self._reserved: defaultdict[str, int] = defaultdict(int)
        self._present: defaultdict[str, int] = defaultdict(int)

    def enter(self, program: str) -> None:
        """A row of the program arrives."""
        if program not in self._present:
            floor = min((self._attained[other] for other in self._present), default=0)
            self._attained[program] = max(self._attained.get(program, 0), floor)
            self._attained.move_to_end(program)
        self._present[program] += 1

    def leave(self, program: str) -> None:
        """A row of the program is done."""
        self._present[program] -= 1
        if not self._present[program]:
            del self._present[program]
            self._reserved.pop(program, None)
            self._forget_old()

    def charge(self, program: str, tokens: int) -> None:
        """The program was served so many tokens."""
        self._attained[program] += tokens

    def reserve(self, program: str, tokens: int) -> None:
        """A row was admitted that will soon take so many."""
        self._reserved[program] += tokens

    def unreserve(self, program: str, tokens: int) -> None:
        """The row left."""
        self._reserved[program] -= tokens

    def attained(self, program: str) -> int:
        """Tokens served."""
        return self._attained[program]

    def expected(self, program: str) -> int:
        """Tokens served, and those that its admitted rows are about to take."""
        return self._attained[program] + self._reserved[program]

    def _forget_old(self) -> None:
        for program in list(self._attained)[: max(0, len(self._attained) - _REMEMBERED)]:
            if program not in self._present:
                del self._attained[program]
