"""What the source of a forward shows of what it returns."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from forgather_lint.core.port import port_of
from forgather_lint.documents.walk import all_below, of_kind


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
