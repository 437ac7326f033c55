"""Requirements of vLLM's build for CPUs without those that a test does not need: `python -m bench.vllm.requirements WHEEL`.

torch and what belongs to it is installed before; audio is not used.
"""

from __future__ import annotations

import re
import sys
import zipfile
from collections.abc import Iterator

_LEFT_OUT = re.compile(r"(torch|torchaudio|torchvision|torchcodec|intel-openmp|setuptools|numba)\b")


def requirements(wheel: str) -> Iterator[str]:
    """The wheel's requirements, line by line."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        lines = archive.read(name).decode().splitlines()
    for line in lines:
        field, _, said = line.partition(": ")
        if field == "Requires-Dist" and "extra ==" not in said and not _LEFT_OUT.match(said):
            yield said


if __name__ == "__main__":
    print("\n".join(requirements(sys.argv[1])))
