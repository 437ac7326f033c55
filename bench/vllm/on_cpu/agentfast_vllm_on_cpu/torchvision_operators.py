"""Declarations of torchvision's compiled operators, which its wheel for GPUs cannot load beside a CPU's torch.

None of them is called. It has to be imported before torchvision is, from a .pth file.
"""

from __future__ import annotations

from contextlib import suppress

import torch

_library = torch.library.Library("torchvision", "FRAGMENT")
for _name in ("nms", "qnms"):
    with suppress(RuntimeError):
        _library.define(f"{_name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
