"""Objects that belong to their process, as connections and threads do."""

from __future__ import annotations

from typing import NoReturn, Self, SupportsIndex

from agentfast.errors import ConfigError


class ProcessBound:
    """Base of agents and models: shared in place of copied, and never pickled."""

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, object]) -> Self:
        return self

    def __reduce_ex__(self, protocol: SupportsIndex) -> NoReturn:
        """Refuse to be pickled.

        Raises:
            ConfigError: always.
        """
        raise ConfigError(
            f"an object of type {type(self).__name__} cannot be pickled: its connections and threads belong to this process",
            hint="make it in each process, e.g. in the initializer of a process pool",
        )
