"""The regime of a benchmark: hardware, software and settings, without which figures cannot be compared later."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import torch

from agentfast.cli.bench.experiment import Plan
from agentfast.cli.bench.seats import Placement
from agentfast.runtime.jit.host import usable_cores

BUSY_LOAD = 0.5  # processes that want to run, for each core, before anything was started


@dataclass(frozen=True, slots=True)
class Regime:
    """Hardware, software and settings. `load` is the machine's load average of a minute, before it began."""

    hardware: str
    cores: int
    threads: int
    device: str
    dtype: str
    load: float
    platform: str
    python: str
    torch: str
    agentfast: str
    concurrency: tuple[int, ...]
    tasks: int
    repeats: int
    seed: int
    temperature: float

    @classmethod
    def now(cls, plan: Plan, placement: Placement) -> Regime:
        """The regime of this machine at this moment."""
        return cls(
            hardware=hardware(placement.device),
            cores=usable_cores(),
            threads=placement.threads or torch.get_num_threads(),
            device=placement.device,
            dtype=placement.dtype,
            load=round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else 0.0,
            platform=platform.platform(),
            python=platform.python_version(),
            torch=torch.__version__,
            agentfast=metadata.version("agentfast"),
            concurrency=plan.concurrency,
            tasks=plan.tasks,
            repeats=plan.repeats,
            seed=plan.seed,
            temperature=plan.temperature,
        )

    @property
    def on_cpu(self) -> bool:
        """True if the models ran on a CPU."""
        return self.device == "cpu"

    @property
    def busy(self) -> bool:
        """True if others used the machine when the benchmark began."""
        return self.load > BUSY_LOAD * self.cores

    def text(self) -> str:
        """The regime in a sentence."""
        return (
            f"{self.hardware}, {self.cores} cores, {self.threads} threads, {self.dtype}, load {self.load} at the start; "
            f"Python {self.python}, torch {self.torch}; at least {self.tasks} held-out tasks in each of {self.repeats} "
            f"repeats, temperature {self.temperature:g}"
        )


def hardware(device: str) -> str:
    """The name of the device, or of the CPU."""
    if device.startswith("cuda"):
        return str(torch.cuda.get_device_name(device))
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
