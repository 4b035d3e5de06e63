"""How many examples Hypothesis tries: few and the same ones, or, by a variable, many others.

`SELECTOR_BACKEND_EXAMPLES=100000 pytest tests/property` looks for what has not been found yet.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

_EXAMPLES = os.environ.get("SELECTOR_BACKEND_EXAMPLES")

settings.register_profile(
    "property",
    max_examples=int(_EXAMPLES or 50),
    deadline=None,
    derandomize=not _EXAMPLES,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("property")
