"""Spam, compiled."""

from spam._native import built_for as built_for
