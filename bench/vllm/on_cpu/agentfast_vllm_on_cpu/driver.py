"""The backend's driver, which says that there is a CPU."""

from __future__ import annotations

import torch
from triton.backends.compiler import GPUTarget
from triton.backends.driver import DriverBase


class Driver(DriverBase):
    """A device that is always there."""

    def __init__(self) -> None:
        """Set nothing up."""

    @classmethod
    def is_active(cls) -> bool:
        """True."""
        return True

    def get_active_torch_device(self) -> torch.device:
        """The CPU."""
        return torch.device("cpu")

    def get_current_target(self) -> GPUTarget:
        """The CPU, by the names that Triton gives to devices."""
        return GPUTarget("cpu", 0, 0)


Driver.__abstractmethods__ = frozenset()
