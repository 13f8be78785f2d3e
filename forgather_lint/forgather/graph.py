"""Forgather's node graph, read from YAML nodes; nothing in it is ever called.

The kinds of nodes and how tags map to them follow src/forgather/latent.py and yaml_utils.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import field
from enum import StrEnum
from typing import NamedTuple, TypeAlias

from forgather_lint.core.record import record
from forgather_lint.forgather.limits import RenderRefused

MAX_VISITS = 100_000


class Stretch(NamedTuple):
    """The position of a node in the rendered text (offsets, `end` exclusive)."""

    start: int
    end: int


class GraphError(Exception):
    """Forgather would refuse this configuration; `at` is the offending stretch."""

    def __init__(self, message: str, at: Stretch) -> None:
        super().__init__(message)
        self.at = at


class CallKind(StrEnum):
    """When a call node is called."""

    FACTORY = "factory"
    SINGLETON = "singleton"
    PARTIAL = "partial"
    META = "meta"


@record
class RepeatedKey:
    """A key that occurs twice in one mapping: YAML keeps the last value."""

    key: object
    first: Stretch
    second: Stretch


@record(frozen=False, eq=False)
class ScalarNode:
    """A string, number, boolean or null."""

    at: Stretch
    value: str | int | float | bool | None


@record(frozen=False, eq=False)
class ListNode:
    """A YAML sequence."""

    at: Stretch
    items: list[GraphNode] = field(default_factory=list)


@record(frozen=False, eq=False)
class DictNode:
    """A YAML mapping; `keys` has the position at which the value that counts was written."""

    at: Stretch
    items: dict[object, GraphNode] = field(default_factory=dict)
    keys: dict[object, Stretch] = field(default_factory=dict)
    repeated: list[RepeatedKey] = field(default_factory=list)


@record(frozen=False, eq=False)
class VarNode:
    """`!var`: a value that must be supplied when the object is built."""

    at: Stretch
    name: str
    default: GraphNode | None = None


@record(frozen=False, eq=False)
class CallNode:
    """A call of `constructor` (`module:name`, or a builtin's name), possibly named `@identity`."""

    at: Stretch
    kind: CallKind
    constructor: str
    identity: str | None = None
    args: list[GraphNode] = field(default_factory=list)
    kwargs: dict[str, GraphNode] = field(default_factory=dict)
    keys: dict[str, Stretch] = field(default_factory=dict)
    repeated: list[RepeatedKey] = field(default_factory=list)
    search_path: GraphNode | None = None

    @property
    def key(self) -> str | int:
        """What identifies a node for Forgather."""
        return self.identity if self.identity is not None else id(self)


GraphNode: TypeAlias = ScalarNode | ListNode | DictNode | VarNode | CallNode


def children(node: GraphNode) -> list[GraphNode]:
    """The nodes directly below `node`, in the order in which Forgather walks them."""
    if isinstance(node, ListNode):
        return list(node.items)
    if isinstance(node, DictNode):
        return list(node.items.values())
    if isinstance(node, CallNode):
        return [*node.args, *node.kwargs.values()]
    return []


def walk(root: GraphNode) -> Iterator[GraphNode]:
    """Every node below and including `root`, once each."""
    seen: set[int] = set()
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if id(node) not in seen:
            seen.add(id(node))
            yield node
            waiting += reversed(children(node))


@record(frozen=False)
class Visits:
    """Counts visits of nodes: with aliases of aliases a small text means a huge graph."""

    left: int = MAX_VISITS

    def count(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise RenderRefused("the aliases of the configuration expand beyond the linter's limit")


def plain(node: GraphNode, visits: Visits | None = None) -> object:
    """`node` as Python data; call and `!var` nodes stay as they are."""
    visits = visits or Visits()
    visits.count()
    if isinstance(node, ScalarNode):
        return node.value
    if isinstance(node, ListNode):
        return [plain(item, visits) for item in node.items]
    if isinstance(node, DictNode):
        return {key: plain(value, visits) for key, value in node.items.items()}
    return node
