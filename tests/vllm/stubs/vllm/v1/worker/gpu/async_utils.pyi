from typing import Any

async_copy_to_np: Any
