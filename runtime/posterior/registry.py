"""The choice of logits operations by device."""

from __future__ import annotations

from functools import cache

import torch

from agentfast.runtime.posterior.base import LogitsOps
from agentfast.runtime.posterior.device_ops import DeviceOps
from agentfast.runtime.posterior.host_ops import HostOps


@cache
def ops_for(device: torch.device) -> LogitsOps:
    """The operations on logits of a device."""
    return HostOps() if device.type == "cpu" else DeviceOps(device)
