"""Spam: what is the same on all machines."""

try:
    from _spam_cu12 import built_for as built_for
except ImportError:
    from _spam_cpu import built_for as built_for
