"""A walk over syntax trees, without the white space that libcst's own visitors look at, too."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from functools import cache

import libcst as cst

_LAYOUT = ("whitespace", "lpar", "rpar", "leading_lines", "semicolon", "header", "footer", "comma")


def descendants(node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    """`node` and all nodes below it, parents first; layout, parentheses and commas are left out."""
    waiting = [node]
    while waiting:
        here = waiting.pop()
        yield here
        below: list[cst.CSTNode] = []
        for name in _parts(type(here)):
            part = getattr(here, name)
            if isinstance(part, tuple | list):  # first, and by type: `Sequence` is asked slowly
                below += part
            elif isinstance(part, cst.CSTNode):
                below.append(part)
        waiting += reversed(below)


@cache
def _parts(kind: type[cst.CSTNode]) -> tuple[str, ...]:
    """The fields of a kind of node that hold syntax, in the order of the source."""
    names = [field.name for field in fields(kind)]
    return tuple(name for name in names if not name.startswith(_LAYOUT))
