"""What the names of a Python file stand for, by the function that binds them; nothing is run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field

import libcst as cst

from forgather_lint.core.record import record
from forgather_lint.documents.python import PythonFile
from forgather_lint.documents.walk import descendants

_CHANGING = frozenset(
    "append extend insert remove pop clear update setdefault sort reverse".split()
)
"""Methods after which a list or dict is not what was assigned."""

Scope = cst.CSTNode | None
"""A function; None is the file."""


@record(frozen=False)
class Bindings:
    """What names stand for: by scope, each name with what is assigned to it (None: unknown)."""

    bound: dict[tuple[Scope, str], list[cst.BaseExpression | None]] = field(default_factory=dict)
    loops: dict[tuple[Scope, str], cst.BaseExpression] = field(default_factory=dict)
    above: dict[Scope, Scope] = field(default_factory=dict)

    def bind(self, scope: Scope, name: str, value: cst.BaseExpression | None) -> None:
        """Note that `value` is assigned to `name`."""
        self.bound.setdefault((scope, name), []).append(value)

    def meant(self, scope: Scope, name: str) -> tuple[Scope, cst.BaseExpression] | None:
        """The only thing that `name` stands for in `scope`, and the scope of that."""
        while (scope, name) not in self.bound:
            if scope is None:
                return None
            scope = self.above.get(scope)
        values = self.bound[scope, name]
        return None if len(values) != 1 or values[0] is None else (scope, values[0])

    def turns(self, scope: Scope, name: str) -> list[cst.BaseExpression]:
        """The literals that a loop binds `name` to, if nothing else does."""
        while (scope, name) not in self.bound:
            if scope is None:
                return []
            scope = self.above.get(scope)
        over = self.loops.get((scope, name))
        if len(self.bound[scope, name]) != 1 or not isinstance(over, cst.List | cst.Tuple):
            return []
        return [each.value for each in over.elements if isinstance(each, cst.Element)]


@record(frozen=False)
class Code:
    """A file with its nodes, the function that each stands in, and what its names are bound to."""

    file: PythonFile
    nodes: Sequence[cst.CSTNode]
    scopes: Mapping[cst.CSTNode, Scope]
    names: Bindings

    @classmethod
    def of(cls, file: PythonFile) -> Code:
        """The code of `file`."""
        nodes = list(descendants(file.tree))
        scopes = _scopes_of(nodes)
        return cls(file, nodes, scopes, _bindings_of(nodes, scopes))


def _scopes_of(nodes: Sequence[cst.CSTNode]) -> dict[cst.CSTNode, Scope]:
    """The function that each node stands in, for those in any."""
    found: dict[cst.CSTNode, Scope] = {}
    for node in nodes:
        if isinstance(node, cst.FunctionDef):
            outer = found.get(node)
            found.update(dict.fromkeys(descendants(node), node))
            found[node] = outer
    return found


def _bindings_of(nodes: Sequence[cst.CSTNode], scopes: Mapping[cst.CSTNode, Scope]) -> Bindings:
    found = Bindings()
    for node in nodes:
        scope = scopes.get(node)
        if isinstance(node, cst.FunctionDef):
            found.above[node] = scope
        elif isinstance(node, cst.Assign):
            for target in node.targets:
                is_name = isinstance(target.target, cst.Name)
                for name in _bound_by(target.target):
                    found.bind(scope, name, node.value if is_name else None)
        elif isinstance(node, cst.AnnAssign) and isinstance(node.target, cst.Name):
            found.bind(scope, node.target.value, node.value)
        elif isinstance(node, cst.Param):
            found.bind(scope, node.name.value, None)
        elif isinstance(node, cst.AugAssign | cst.For | cst.NamedExpr | cst.CompFor):
            for name in _bound_by(node.target):
                found.bind(scope, name, None)
            if isinstance(node, cst.For) and isinstance(node.target, cst.Name):
                found.loops[scope, node.target.value] = node.iter
        elif isinstance(node, cst.Global | cst.Nonlocal):
            for item in node.names:
                found.bind(scope, item.name.value, None)
                found.bind(None, item.name.value, None)
        elif isinstance(node, cst.Call):
            for name in _changed_by(node):
                found.bind(scope, name, None)
    return found


def _changed_by(call: cst.Call) -> Iterator[str]:
    """The name whose list or dict `name.append(...)` changes."""
    method = call.func
    if isinstance(method, cst.Attribute) and method.attr.value in _CHANGING:
        yield from _bound_by(method.value)


def _bound_by(target: cst.CSTNode) -> Iterator[str]:
    """The names that an assignment to `target` binds, or whose object it changes."""
    if isinstance(target, cst.Name):
        yield target.value
    elif isinstance(target, cst.Tuple | cst.List):
        for each in target.elements:
            yield from _bound_by(each.value)
    elif isinstance(target, cst.Subscript | cst.Attribute):
        yield from _bound_by(target.value)
