"""Room for code that recurses over syntax trees: libcst's own, and the interpreter."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager

_DEEPEST = 20_000
"""Python frames: libcst takes about four for each token of an expression of the longest size."""


@contextmanager
def deep_recursion() -> Iterator[None]:
    """Within the block code may recurse deeply; what bounds it are the limits on its input.

    Garbage collection is off meanwhile: the syntax trees are many small objects that all stay.
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
