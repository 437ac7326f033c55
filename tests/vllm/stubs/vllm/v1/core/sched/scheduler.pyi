from typing import Any

Scheduler: Any
