"""The host: number of usable cores, the user's cache folder."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def user_folder() -> Path:
    """`$XDG_CACHE_HOME/agentfast` or `~/.cache/agentfast`, and the like on macOS and Windows; it may not exist yet.

    Raises:
        RuntimeError: the user has no home directory.
    """
    if sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    elif sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "agentfast"


def usable_cores() -> int:
    """Number of cores this process may run on; in a container it can be below the machine's."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
