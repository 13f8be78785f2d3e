"""Whether torch.fx surely gets through a forward: nothing in it asks a stand-in for its value.

What a test or a loop asks must be known while the forward is traced: constants, what the module
holds, and what is computed of those alone. Of anything else it may be a stand-in that is asked,
which ends the trace.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

import libcst as cst

from forgather_lint.documents.walk import all_below, descendants, of_kind

_ANSWERED = frozenset("isinstance hasattr callable type id".split())
"""Builtins that say something of a stand-in itself, not of its value."""

_COMPUTED = frozenset(
    "range len enumerate zip reversed sorted list tuple set dict min max sum abs any all "
    "int float bool str round map".split()
)
"""Builtins whose result is known where their arguments are."""

_ANYTHING = cst.Ellipsis()
"""What a parameter is called with: a stand-in, or what is not known."""

_CONSTANTS = frozenset(("self", "None", "True", "False"))


def traces_through(forward: cst.FunctionDef) -> bool:
    """Whether nothing in the forward asks for what may not be known while it is traced."""
    nodes = all_below(forward.body)
    known = _known_names((*all_below(forward.params), *nodes))
    return all(_is_traced(node, known) for node in nodes)


def _known_names(nodes: Sequence[cst.CSTNode]) -> Collection[str]:
    """The names that are bound to nothing but what is known, on whichever way through the code."""
    bindings = [
        (target.value, value)
        for node in nodes
        for written, value in _bindings(node)
        for target in of_kind(descendants(written), cst.Name)
    ]
    known = {*_CONSTANTS, *(name for name, _ in bindings)}
    while True:
        lost = {name for name, value in bindings if name in known and not _is_known(value, known)}
        if not lost - _CONSTANTS:
            return known
        known -= lost - _CONSTANTS


def _bindings(node: cst.CSTNode) -> Iterator[tuple[cst.BaseExpression, cst.BaseExpression]]:
    """What is bound at `node`, and to what."""
    match node:
        case cst.Assign(targets=targets, value=value):
            yield from ((each.target, value) for each in targets)
        case cst.AnnAssign(target=target, value=value) if value is not None:
            yield target, value
        case cst.AugAssign(target=target, value=value) | cst.NamedExpr(target=target, value=value):
            yield target, value
        case cst.For(target=target, iter=value) | cst.CompFor(target=target, iter=value):
            yield target, value
        case cst.Param(name=name):
            yield name, _ANYTHING


def _is_traced(node: cst.CSTNode, known: Collection[str]) -> bool:
    """Whether the trace surely gets behind `node`."""
    match node:
        case cst.Try() | cst.TryStar() | cst.Match():
            return False
        case cst.If(test=asked) | cst.IfExp(test=asked) | cst.Assert(test=asked):
            return _is_known(asked, known)
        case cst.While(test=asked) | cst.CompIf(test=asked):
            return _is_known(asked, known)
        case cst.For(iter=asked) | cst.CompFor(iter=asked) | cst.StarredElement(value=asked):
            return _is_known(asked, known)
        case cst.Arg(star="*", value=asked) | cst.BooleanOperation(left=asked):
            return _is_known(asked, known)
        case cst.UnaryOperation(operator=cst.Not(), expression=asked):
            return _is_known(asked, known)
        case cst.Comparison(comparisons=comparisons) if len(comparisons) > 1:
            return _is_known(node, known)
    return True


def _is_known(value: cst.BaseExpression, known: Collection[str]) -> bool:
    match value:
        case cst.Name(value=name):
            return name in known
        case cst.BaseNumber() | cst.BaseString():
            return True
        case cst.Attribute(value=inner):
            return _is_known(inner, known)
        case cst.Subscript(value=inner, slice=parts):
            indices = [each.slice for each in parts]
            at = [each.value for each in indices if isinstance(each, cst.Index)]
            whole = len(at) == len(indices)
            return whole and all(_is_known(each, known) for each in (inner, *at))
        case cst.Comparison(left=left, comparisons=comparisons):
            if all(isinstance(each.operator, cst.Is | cst.IsNot) for each in comparisons):
                return True  # a stand-in is what it is
            sides = [left, *(each.comparator for each in comparisons)]
            return all(_is_known(each, known) for each in sides)
        case cst.BinaryOperation(left=left, right=right):
            return _is_known(left, known) and _is_known(right, known)
        case cst.BooleanOperation(left=left, right=right):
            return _is_known(left, known) and _is_known(right, known)
        case cst.UnaryOperation(expression=inner):
            return _is_known(inner, known)
        case cst.Tuple(elements=elements) | cst.List(elements=elements):
            return all(_is_known(each.value, known) for each in elements)
        case cst.Call(func=cst.Name(value=name), args=arguments):
            told = name in _ANSWERED
            given = all(_is_known(each.value, known) for each in arguments)
            return told or (name in _COMPUTED and given)
    return False
