"""Room for code that recurses over syntax trees: libcst's own, and the interpreter."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager

_DEEPEST = 20_000
"""An expression of `documents.limits.LONGEST_EXPRESSION` takes libcst some four frames a token."""


@contextmanager
def deep_recursion() -> Iterator[None]:
    """Room for recursion, of which other bounds are what counts.

    Garbage collection rests meanwhile: the syntax trees are many small objects that all stay.
    """
    before, collects = sys.getrecursionlimit(), gc.isenabled()
    sys.setrecursionlimit(max(before, _DEEPEST))
    gc.disable()
    try:
        yield
    finally:
        sys.setrecursionlimit(before)
        if collects:
            gc.enable()
