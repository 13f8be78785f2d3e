"""Walks over syntax trees that skip white space, which libcst's own visitors also visit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import fields
from functools import cache, lru_cache
from typing import TypeVar, overload

import libcst as cst

First = TypeVar("First", bound=cst.CSTNode)
Second = TypeVar("Second", bound=cst.CSTNode)
Third = TypeVar("Third", bound=cst.CSTNode)

_Part = tuple[cst.CSTNode] | list[cst.CSTNode] | cst.CSTNode | cst.MaybeSentinel | str | bool | None
_NOT_NODES = (str, bool, cst.MaybeSentinel)
_LAYOUT = ("whitespace", "lpar", "rpar", "leading_lines", "semicolon", "header", "footer", "comma")


def descendants(node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    """`node` and all nodes below it, parents first; layout, parentheses and commas are left out."""
    waiting = [node]
    while waiting:
        here = waiting.pop()
        yield here
        below: list[cst.CSTNode] = []
        for name in _parts(type(here)):
            part: _Part = getattr(here, name)
            # Not `isinstance(part, CSTNode)`: to ask for an abstract class is slow.
            if isinstance(part, tuple | list):
                below += part
            elif part is not None and not isinstance(part, _NOT_NODES):
                below.append(part)
        waiting += reversed(below)


@lru_cache(maxsize=256)
def all_below(node: cst.CSTNode) -> tuple[cst.CSTNode, ...]:
    """The descendants of `node`, cached, for one that is searched often, as a forward's body."""
    return tuple(descendants(node))


@overload
def of_kind(nodes: Iterable[cst.CSTNode], kind: type[First], /) -> Iterator[First]: ...


@overload
def of_kind(
    nodes: Iterable[cst.CSTNode], kind: type[First], other: type[Second], /
) -> Iterator[First | Second]: ...


@overload
def of_kind(
    nodes: Iterable[cst.CSTNode], kind: type[First], other: type[Second], third: type[Third], /
) -> Iterator[First | Second | Third]: ...


def of_kind(nodes: Iterable[cst.CSTNode], /, *kinds: type) -> Iterator[cst.CSTNode]:
    """Those of `nodes` whose class is exactly one of `kinds`.

    `isinstance` would also look at the abstract bases of each node, and take ten times as long.
    """
    return (node for node in nodes if type(node) in kinds)


@cache
def _parts(kind: type[cst.CSTNode]) -> tuple[str, ...]:
    """The fields of a kind of node that hold syntax, in the order of the source."""
    names = [field.name for field in fields(kind)]
    return tuple(name for name in names if not name.startswith(_LAYOUT))
