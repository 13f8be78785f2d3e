"""Which packages are installed beside the tool, without importing them."""

from __future__ import annotations

import importlib.util
from functools import cache


@cache
def is_installed(package: str) -> bool:
    """Whether the top-level `package` could be imported."""
    try:
        return importlib.util.find_spec(package) is not None
    except (ImportError, ValueError):
        return False
