"""The kernels for CUDA 12."""


def built_for() -> str:
    """Return what the kernels are for."""
    return "cu12"
