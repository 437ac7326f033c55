"""The backend's compiler, which is never called."""

from __future__ import annotations

from triton.backends.compiler import BaseBackend


class Compiler(BaseBackend):
    """Nothing is compiled where kernels are interpreted."""


Compiler.__abstractmethods__ = frozenset()
