"""The Python text that Forgather's code generator makes of a node graph.

Follows `PyEncoder` in src/forgather/codegen.py; every piece of the text keeps the place in the
rendered configuration that it was made from.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import field

from forgather_lint.core.record import record
from forgather_lint.forgather.graph import (
    CallKind,
    CallNode,
    DictNode,
    GraphError,
    GraphNode,
    ListNode,
    ScalarNode,
    Stretch,
    VarNode,
    Visits,
    children,
)
from forgather_lint.forgather.node_names import node_names
from forgather_lint.forgather.traced import Traced, join

Trace = Callable[[str, Stretch], Traced]
"""A function that gives a text the origin of a stretch of the rendered configuration."""


@record
class Variable:
    """A `!var` of the graph: a parameter of the generated constructor."""

    name: str
    has_default: bool
    default: object
    at: Stretch


@record
class Code:
    """A graph as Python: named definitions, the expression, and the imports they need."""

    definitions: Traced
    main_body: Traced
    imports: tuple[tuple[str, str], ...]
    dynamic_imports: tuple[tuple[str, str], ...]
    variables: tuple[Variable, ...]


def encode(graph: GraphNode, policy: str, trace: Trace) -> Code:
    """`graph` as code, naming nodes by `policy` (required, named or all).

    Raises `GraphError` where the generator would fail, `RenderRefused` for an alias bomb.
    """
    encoder = _Encoder(node_names(graph, policy), trace)
    definitions = encoder.definitions(graph)
    body = encoder.encode(graph, 0)
    variables = [encoder.variables[key] for key in sorted(encoder.variables)]
    return Code(
        definitions.trimmed(),
        join([body]).trimmed(),
        tuple(sorted(encoder.imports)),
        tuple(sorted(encoder.dynamic_imports)),
        tuple(variables),
    )


def _bottom_up(node: GraphNode, visits: Visits) -> Iterator[CallNode]:
    visits.count()
    for child in children(node):
        yield from _bottom_up(child, visits)
    if isinstance(node, CallNode):
        yield node


@record(frozen=False)
class _Encoder:
    names: dict[str | int, str]
    trace: Trace
    defined: set[str | int] = field(default_factory=set)
    imports: set[tuple[str, str]] = field(default_factory=set)
    dynamic_imports: set[tuple[str, str]] = field(default_factory=set)
    variables: dict[tuple[str, bool, str], Variable] = field(default_factory=dict)
    visits: Visits = field(default_factory=Visits)

    def definitions(self, graph: GraphNode) -> Traced:
        pieces: list[str] = []
        for node in _bottom_up(graph, Visits()):
            if node.key in self.names and node.key not in self.defined:
                deferred = node.kind in (CallKind.FACTORY, CallKind.PARTIAL)
                opening = "partial(" if deferred and children(node) else ""
                pieces.append(self.trace(f"{self.names[node.key]} = {opening}", node.at))
                pieces += [self.encode(node, 0), "\n\n"]
                self.defined.add(node.key)
        return join(pieces)

    def encode(self, node: GraphNode, level: int) -> str:
        """`node` as an expression; `level` is the depth as the generator counts it."""
        self.visits.count()
        match node:
            case ScalarNode():
                return self.trace(_literal(node.value, level), node.at)
            case ListNode():
                return self._block("[", "]", [("", item) for item in node.items], level, node.at)
            case DictNode():
                items = [(self._key(node, key), value) for key, value in node.items.items()]
                return self._block("{", "}", items, level, node.at)
            case VarNode():
                self._note(node)
                return self.trace(node.name, node.at)
            case CallNode() if node.key in self.defined:
                used = "()" if node.kind is CallKind.FACTORY else ""
                return self.trace(self.names[node.key] + used, node.at)
            case CallNode():
                return self._call(node, level + 1)

    def _key(self, node: DictNode, key: object) -> str:
        return join([self.trace(repr(key), node.keys[key]), ": "])

    def _block(
        self,
        opening: str,
        closing: str,
        items: Sequence[tuple[str, GraphNode]],
        level: int,
        at: Stretch,
    ) -> Traced:
        """A bracketed list with one item to a row; `items` are prefixes and values."""
        if not items:
            return self.trace({"(": "tuple()"}.get(opening, opening + closing), at)
        rows = self._rows(items, level + 1)
        return join([self.trace(opening + "\n", at), *rows, _indent(level), closing])

    def _rows(self, items: Sequence[tuple[str, GraphNode]], level: int) -> list[str]:
        return [
            piece
            for prefix, value in items
            for piece in (_indent(level), prefix, self.encode(value, level), ",\n")
        ]

    def _note(self, node: VarNode) -> None:
        default = node.default.value if isinstance(node.default, ScalarNode) else node.default
        variable = Variable(node.name, node.default is not None, default, node.at)
        key = (variable.name, variable.has_default, repr(default))
        self.variables.setdefault(key, variable)

    def _call(self, node: CallNode, level: int) -> str:
        special = _SPECIAL.get(node.constructor)
        if node.kind is CallKind.META:
            raise GraphError(f"the model would call {node.constructor} to write itself", node.at)
        if node.constructor == "items":
            raise GraphError("'PyEncoder' object has no attribute '_items'", node.at)
        if special is not None:
            _demand_arguments(node, special.arguments)
            return special.write(self, node, level)
        return self._plain_call(node, level)

    def _plain_call(self, node: CallNode, level: int) -> Traced:
        name = self._callable(node)
        deferred = node.kind is CallKind.PARTIAL or (
            node.kind is CallKind.FACTORY and node.key in self.names
        )
        if not children(node):
            return self.trace(name if deferred else name + "()", node.at)
        opening = "partial(" if level > 1 and deferred else ""
        head = self.trace(f"{opening}{name}{', ' if deferred else '('}\n", node.at)
        return join([head, *self._arguments(node, 0, level), _indent(level - 1), ")"])

    def _arguments(self, node: CallNode, first: int, level: int) -> list[str]:
        keywords = [
            (join([self.trace(f"{key}=", node.keys[key])]), value)
            for key, value in node.kwargs.items()
        ]
        return self._rows([*(("", arg) for arg in node.args[first:]), *keywords], level)

    def _callable(self, node: CallNode) -> str:
        """The name to call; the import that it needs is recorded."""
        if ":" not in node.constructor:
            return node.constructor
        module, _, name = node.constructor.partition(":")
        if ":" in name:
            raise GraphError("too many values to unpack (expected 2)", node.at)
        if module.endswith(".py"):
            self.dynamic_imports.add((module, name))
            return name + "()"
        self.imports.add((module, name))
        return name

    def item(self, node: CallNode, level: int) -> str:
        mapping, key = node.args[:2]
        return join([self.encode(mapping, level), "[", self.encode(key, level), "]"])

    def called(self, node: CallNode, level: int) -> str:
        function = self.encode(node.args[0], level)
        if len(children(node)) == 1:
            return join([function, "()"])
        rows = self._arguments(node, 1, level)
        return join([function, "(\n", *rows, _indent(level - 1), ")"])

    def attribute(self, node: CallNode, level: int) -> str:
        name = node.args[1]
        if not isinstance(name, ScalarNode) or not isinstance(name.value, str):
            raise GraphError("Attribute is expected to be a string", name.at)
        return join([self.encode(node.args[0], level), self.trace(f".{name.value}", name.at)])

    def view(self, node: CallNode, level: int) -> str:
        return join([self.encode(node.args[0], level), f".{node.constructor}()"])

    def collection(self, node: CallNode, level: int) -> str:
        opening, closing = ("(", ")") if node.constructor == "named_tuple" else ("[", "]")
        inner = node.args[0]
        items = [("", item) for item in inner.items] if isinstance(inner, ListNode) else []
        return self._block(opening, closing, items, level - 1, node.at)

    def mapping(self, node: CallNode, level: int) -> str:
        items = [
            (join([self.trace(repr(key), node.keys[key]), ": "]), value)
            for key, value in node.kwargs.items()
        ]
        return self._block("{", "}", items, level - 1, node.at)


@record
class _Special:
    """A constructor that is written as syntax instead of a call; `arguments`: how many it needs."""

    write: Callable[[_Encoder, CallNode, int], str]
    arguments: int


_SPECIAL = {
    "operator:getitem": _Special(_Encoder.item, 2),
    "operator:call": _Special(_Encoder.called, 1),
    "getitem": _Special(_Encoder.item, 2),
    "call": _Special(_Encoder.called, 1),
    "getattr": _Special(_Encoder.attribute, 2),
    "values": _Special(_Encoder.view, 1),
    "keys": _Special(_Encoder.view, 1),
    "named_list": _Special(_Encoder.collection, 1),
    "named_tuple": _Special(_Encoder.collection, 1),
    "named_dict": _Special(_Encoder.mapping, 0),
}

WRITTEN_AS_SYNTAX = frozenset(_SPECIAL)
"""Constructors that become an operator or a literal."""


def _demand_arguments(node: CallNode, count: int) -> None:
    if len(node.args) < count:
        raise GraphError(f"{node.constructor} needs {count} arguments", node.at)


def _literal(value: object, level: int) -> str:
    if not isinstance(value, str) or "\n" not in value:
        return repr(value)
    rows = [_indent(level) + repr(line) for line in _keep_newlines(value)]
    return "(\n" + "\n".join(rows) + "\n" + _indent(level - 1) + ")"


def _keep_newlines(text: str) -> list[str]:
    lines = text.split("\n")
    kept = [line + "\n" for line in lines[:-1]]
    return [*kept, lines[-1]] if lines[-1] else kept


def _indent(level: int) -> str:
    return " " * 4 * level
