"""Collective calls between ranks on one CPU, by gloo."""

from __future__ import annotations


def register() -> None:
    """Switch vLLM's collectives through shared memory off: with one thread per rank they end in SIGFPE."""
    from vllm.distributed.device_communicators.cpu_communicator import CpuCommunicator

    CpuCommunicator._all_group_ranks_share_shm_group_name = lambda self: False
