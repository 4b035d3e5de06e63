"""The kernels for cpu."""


def built_for() -> str:
    """Return what the kernels are for."""
    return "cpu"
