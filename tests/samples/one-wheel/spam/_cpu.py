"""The kernels for the CPU."""


def built_for() -> str:
    """Return what the kernels are for."""
    return "cpu"
