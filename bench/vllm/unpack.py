"""Unpack the Python files of a wheel, and what names its version: `python -m bench.vllm.unpack WHEELS FOLDER`."""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path

_KEPT = (".py", ".json", ".txt", ".jinja", "METADATA")


def unpack(wheels: Path, folder: Path) -> None:
    """Unpack the only wheel in a folder."""
    (wheel,) = wheels.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            if name.endswith(_KEPT):
                archive.extract(name, folder)


if __name__ == "__main__":
    unpack(Path(sys.argv[1]), Path(sys.argv[2]))
