"""Modules that were made alike are of one kind, and are analysed once."""

from __future__ import annotations

from forgather_lint.python.values.objects import Instance


def kind_of(instance: Instance) -> int:
    """One number for all copies of an instance."""
    return id(instance.twin or instance)
