"""Room for code that recurses over syntax trees: libcst's own, and the interpreter."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

Result = TypeVar("Result")

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


_WORDS_OF_A_FRAME = 1 << 16
"""Half a MiB and a little: Python then takes one MiB from the system, of which half is left."""


def with_room(work: Callable[[], Result]) -> Result:
    """The result of `work()`, with room for some thousand frames in one piece of memory.

    Python takes memory for frames in pieces of 16 KiB, and gives one back as soon as the first
    call in it returns (`push_chunk` and `_PyThreadState_PopFrame` in `Python/pystate.c`). A call
    at the end of a piece that is made again and again takes and returns it each time: that was a
    twentieth of a `check`, spent in the system. A piece is as large as its first frame asks for,
    which is why the frame of this function asks for much. Nothing is stored in it, so that it
    takes address space and no memory.
    """
    return work()


with_room.__code__ = with_room.__code__.replace(co_stacksize=_WORDS_OF_A_FRAME)
