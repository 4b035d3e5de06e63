"""A table into variant wheels and their metadata (PEP 825)."""
