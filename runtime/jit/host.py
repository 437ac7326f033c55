"""The user's folder for what can be made again."""

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
