"""Writes the skeleton of a new rule, operation, release or engine; see `__main__.py`."""
