"""How many examples Hypothesis tries: the same ones every time, or, on demand, many others.

`pytest tests/unit --hypothesis-profile=thorough` looks for what has not been found yet.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    import pytest

_SLOW_MACHINES = [HealthCheck.too_slow]

settings.register_profile(
    "steady",
    max_examples=100,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=_SLOW_MACHINES,
)
settings.register_profile(
    "thorough", max_examples=3000, deadline=None, suppress_health_check=_SLOW_MACHINES
)


def pytest_configure(config: pytest.Config) -> None:
    if not config.getoption("--hypothesis-profile"):
        settings.load_profile("steady")
