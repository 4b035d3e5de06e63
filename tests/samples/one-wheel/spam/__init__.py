"""Spam: its kernels for CUDA 12 where there is a driver, and else those for the CPU."""

import ctypes

try:
    ctypes.CDLL("libcuda.so.1")
except OSError:
    from spam import _cpu as _kernels
else:
    from spam import _cu12 as _kernels

built_for = _kernels.built_for
