"""The kernels for cu12."""


def built_for() -> str:
    """Return what the kernels are for."""
    return "cu12"
