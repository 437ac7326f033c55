"""Compilation of kernels with numba: decorators, the disk cache, SIMD helpers."""
