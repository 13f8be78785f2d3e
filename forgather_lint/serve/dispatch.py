"""The call of transformers' attention interface, as newer vLLM finds it in the text of a forward.

Source: vllm/model_executor/models/transformers/fusers/attention.py, `interface_call`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache

import libcst as cst

from forgather_lint.interp.classes import find_member
from forgather_lint.interp.machine import Machine
from forgather_lint.values.value import FunctionValue, Instance

LOOKUP = "ALL_ATTENTION_FUNCTIONS"
POSITIONS = 5
"""How many arguments the interface takes by position: module, query, key, value, mask."""


@dataclass
class _Calls(cst.CSTVisitor):
    """Local names bound to a look-up, and the calls of names."""

    names: set[str] = field(default_factory=set)
    calls: list[cst.Call] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def visit_Assign(self, node: cst.Assign) -> None:
        if _is_lookup(node.value):
            targets = [target.target for target in node.targets]
            self.names.update(each.value for each in targets if isinstance(each, cst.Name))

    def visit_AnnAssign(self, node: cst.AnnAssign) -> None:
        if _is_lookup(node.value) and isinstance(node.target, cst.Name):
            self.names.add(node.target.value)

    def visit_Call(self, node: cst.Call) -> None:
        if isinstance(node.func, cst.Name):
            self.calls.append(node)

    def found(self) -> Iterator[cst.Call]:
        """The calls of names that hold the interface."""
        for call in self.calls:
            assert isinstance(call.func, cst.Name)
            if call.func.value in self.names:
                yield call


def _is_lookup(node: cst.BaseExpression | None) -> bool:
    if isinstance(node, cst.Call):
        node = node.func
    if not isinstance(node, cst.Attribute | cst.Subscript):
        return False
    return isinstance(node.value, cst.Name) and node.value.value == LOOKUP


def forward_of(machine: Machine, module: Instance) -> FunctionValue | None:
    """The forward of `module` when its source was read."""
    member = find_member(machine, module.cls, "forward")
    function = member.value if member is not None else None
    return function if isinstance(function, FunctionValue) else None


def interface_call(function: FunctionValue) -> cst.Call | None:
    """The one call of the interface in `function`, None when there is none or several."""
    return _interface_call(function.node)


@cache
def _interface_call(node: cst.FunctionDef | cst.Lambda) -> cst.Call | None:
    visitor = _Calls()
    node.visit(visitor)
    calls = list(visitor.found())
    return calls[0] if len(calls) == 1 else None


def keyword(call: cst.Call, name: str) -> cst.BaseExpression | None:
    """What `call` hands on as `name=`."""
    values = [each.value for each in call.args if each.keyword and each.keyword.value == name]
    return values[0] if len(values) == 1 else None


def by_position(call: cst.Call) -> int:
    """How many arguments are surely handed on by position."""
    return sum(1 for each in call.args if each.keyword is None and not each.star)
