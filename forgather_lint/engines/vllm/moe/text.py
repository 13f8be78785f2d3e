"""What the source of a forward shows: how far torch.fx traces it, and what it returns."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from forgather_lint.core.port import port_of
from forgather_lint.documents.walk import all_below, of_kind

_LOOPS = (cst.For, cst.While, cst.Try, cst.ListComp, cst.GeneratorExp, cst.StarredElement)


@port_of("vllm/model_executor/models/transformers/fusers/moe.py", "_returns_tuple")
def returns_tuple(forward: cst.FunctionDef) -> bool:
    """Whether a `return` of the function itself returns a tuple."""
    named = {
        target.target.value
        for node in of_kind(all_below(forward.body), cst.Assign)
        if isinstance(node.value, cst.Tuple)
        for target in node.targets
        if isinstance(target.target, cst.Name)
    }
    return any(_is_tuple(each.value, named) for each in _own_returns(forward.body))


def _is_tuple(value: cst.BaseExpression | None, named: set[str]) -> bool:
    if isinstance(value, cst.IfExp):
        return _is_tuple(value.body, named) or _is_tuple(value.orelse, named)
    return isinstance(value, cst.Tuple) or (isinstance(value, cst.Name) and value.value in named)


@port_of("vllm/model_executor/models/transformers/fusers/moe.py", "_own_returns")
def _own_returns(node: cst.CSTNode) -> Iterator[cst.Return]:
    for child in node.children:
        if isinstance(child, cst.Return):
            yield child
        elif not isinstance(child, cst.FunctionDef | cst.Lambda):
            yield from _own_returns(child)


def may_stop_trace(forward: cst.FunctionDef) -> bool:
    """Whether something in the forward may end a trace: a loop, or a test of a tensor.

    Tests of constants and of attributes of the module are evaluated during the trace.
    """
    for node in all_below(forward.body):
        if isinstance(node, _LOOPS):
            return True
        if isinstance(node, cst.If | cst.IfExp | cst.Assert) and not _is_of_self(node.test):
            return True
    return False


def _is_of_self(test: cst.BaseExpression) -> bool:
    names = {node.value for node in _names(test)}
    return names <= {"self", "None", "True", "False"}


def _names(node: cst.CSTNode) -> Iterator[cst.Name]:
    """The names that are read, without attributes."""
    if isinstance(node, cst.Name):
        yield node
    elif isinstance(node, cst.Attribute):
        yield from _names(node.value)
    else:
        for child in node.children:
            yield from _names(child)
