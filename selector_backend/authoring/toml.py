"""TOML by the standard library or, below Python 3.11, by the library that it was made of."""

from __future__ import annotations

import sys

if sys.version_info >= (3, 11):
    from tomllib import loads
else:
    from tomli import loads

__all__ = ["loads"]
