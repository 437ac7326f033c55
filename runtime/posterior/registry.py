"""The choice of logits operations by device."""

from __future__ import annotations

from functools import cache

import torch

from agentfast.runtime.posterior.base import LogitsOps
from agentfast.runtime.posterior.device.ops import TritonOps, triton_kernels
from agentfast.runtime.posterior.device_ops import DeviceOps
from agentfast.runtime.posterior.host_ops import HostOps


@cache
def ops_for(device: torch.device) -> LogitsOps:
    """The operations on logits of a device: compiled kernels, Triton's on CUDA, torch's operators elsewhere."""
    if device.type == "cpu":
        return HostOps()
    return TritonOps(device) if device.type == "cuda" and triton_kernels() else DeviceOps(device)
