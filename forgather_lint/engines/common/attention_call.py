"""Finds the call of transformers' attention interface in the source of a forward."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import lru_cache

import libcst as cst

from forgather_lint.core.port import port_of
from forgather_lint.documents.walk import descendants, of_kind
from forgather_lint.python.values.objects import FunctionValue

LOOKUP = "ALL_ATTENTION_FUNCTIONS"
"""The table in which transformers' models look up their attention function."""

POSITIONS = 5
"""How many positional arguments the interface has: module, query, key, value, mask."""


def _is_lookup(node: cst.BaseExpression | None) -> bool:
    if isinstance(node, cst.Call):
        node = node.func
    if not isinstance(node, cst.Attribute | cst.Subscript):
        return False
    return isinstance(node.value, cst.Name) and node.value.value == LOOKUP


@port_of("vllm/model_executor/models/transformers/fusers/attention.py", "interface_call")
def interface_call(function: FunctionValue) -> cst.Call | None:
    """The one call of the interface in `function`; None when there is none or several."""
    return _interface_call(function.node)


@lru_cache(maxsize=256)
def _interface_call(node: cst.FunctionDef | cst.Lambda) -> cst.Call | None:
    names: set[str] = set()
    called: list[tuple[str, cst.Call]] = []
    for each in of_kind(descendants(node), cst.Assign, cst.AnnAssign, cst.Call):
        if not isinstance(each, cst.Call):
            names.update(_bound_to_lookup(each))
        elif isinstance(each.func, cst.Name):
            called.append((each.func.value, each))
    calls = [call for name, call in called if name in names]
    return calls[0] if len(calls) == 1 else None


def _bound_to_lookup(node: cst.Assign | cst.AnnAssign) -> Iterator[str]:
    """The local names that a statement binds to the attention function."""
    if not _is_lookup(node.value):
        return
    targets = (
        [each.target for each in node.targets] if isinstance(node, cst.Assign) else [node.target]
    )
    yield from (target.value for target in targets if isinstance(target, cst.Name))


def keyword(call: cst.Call, name: str) -> cst.BaseExpression | None:
    """The expression that `call` passes as `name=`; None if it passes none."""
    values = [each.value for each in call.args if each.keyword and each.keyword.value == name]
    return values[0] if len(values) == 1 else None


def as_unparsed(text: str) -> str:
    """An expression as printed by an engine that prints its syntax tree (`ast.unparse`)."""
    return ast.unparse(ast.parse(text.strip(), mode="eval"))


def by_position(call: cst.Call) -> int:
    """How many arguments are surely passed by position."""
    return sum(1 for each in call.args if each.keyword is None and not each.star)
