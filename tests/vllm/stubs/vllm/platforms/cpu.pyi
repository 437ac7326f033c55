from typing import Any

CpuPlatform: Any
