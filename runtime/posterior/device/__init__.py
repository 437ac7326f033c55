"""The constrained posterior of a batch of canvases on a device: Triton kernels, trellises, results."""
