"""Store of compiled grammars: a bounded LRU cache with single-flight compilation."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
from threading import Lock
from typing import Final

from agentfast.runtime.core.vocabulary import Vocabulary
from agentfast.runtime.grammar.automaton.nodes import Node
from agentfast.runtime.grammar.tokens.token_grammar import TokenGrammar

_KEPT: Final = 256
_Key = tuple[bytes, str]


class GrammarStore:
    """Token grammars by the digests of grammar and vocabulary, those used longest ago dropped.

    Errors are not kept: those who wait for a compilation that fails get its error, and the next one tries again.
    """

    def __init__(self, kept: int = _KEPT) -> None:
        """
        Args:
            kept: grammars in memory.
        """
        self._kept = kept
        self._lock = Lock()
        self._grammars: OrderedDict[_Key, TokenGrammar] = OrderedDict()
        self._under_way: dict[_Key, Future[TokenGrammar]] = {}

    def __len__(self) -> int:
        return len(self._grammars)

    def find(self, root: Node, vocabulary: Vocabulary) -> TokenGrammar | None:
        """The compiled grammar, if it is at hand; takes a microsecond."""
        with self._lock:
            return self._used((root.digest, vocabulary.digest))

    def get(self, root: Node, vocabulary: Vocabulary, compile_: Callable[[], TokenGrammar]) -> TokenGrammar:
        """The compiled grammar; it is compiled by the first who asks, while the others wait.

        Raises:
            GrammarError: see `load_or_compile`.
        """
        key = root.digest, vocabulary.digest
        while True:
            with self._lock:
                found = self._used(key)
                if found is not None:
                    return found
                under_way = self._under_way.get(key)
                if under_way is None:
                    self._under_way[key] = Future()
            if under_way is None:
                return self._compiled(key, compile_)
            error = under_way.exception()
            if error is None:
                return under_way.result()
            if isinstance(error, Exception):
                raise error
            # The thread that compiled was interrupted, which is no answer.

    def _used(self, key: _Key) -> TokenGrammar | None:
        """The grammar under a key, marked as used last."""
        found = self._grammars.get(key)
        if found is not None:
            self._grammars.move_to_end(key)
        return found

    def _compiled(self, key: _Key, compile_: Callable[[], TokenGrammar]) -> TokenGrammar:
        """Compile for all who wait."""
        try:
            result = compile_()
        except BaseException as error:
            with self._lock:
                self._under_way.pop(key).set_exception(error)
            raise
        with self._lock:
            self._grammars[key] = result
            while len(self._grammars) > self._kept:
                self._grammars.popitem(last=False)
            self._under_way.pop(key).set_result(result)
        return result

    def forget(self) -> None:
        """Drop the grammars in memory; those on disk stay."""
        with self._lock:
            self._grammars.clear()


GRAMMARS: Final = GrammarStore()
"""The store of this process."""
