"""How values are judged: the same texts as in ``selector_backend/model``."""
