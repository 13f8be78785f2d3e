"""The source of a module's forward."""

from __future__ import annotations

import libcst as cst

from forgather_lint.python.interpreter.classes import find_member
from forgather_lint.python.interpreter.machine import Machine
from forgather_lint.python.values.objects import FunctionValue, Instance


def forward_of(machine: Machine, module: Instance) -> FunctionValue | None:
    """The forward of `module`, unwrapped (`inspect.unwrap`); None when its source was not read."""
    member = find_member(machine, module.cls, "forward")
    function = member.value if member is not None else None
    while isinstance(function, FunctionValue) and function.wrapped is not None:
        function = function.wrapped
    return function if isinstance(function, FunctionValue) else None


def definition_of(machine: Machine, module: Instance) -> cst.FunctionDef | None:
    """The syntax tree of that forward; None when its source was not read."""
    forward = forward_of(machine, module)
    return forward.node if forward and isinstance(forward.node, cst.FunctionDef) else None


def of_self(node: cst.CSTNode) -> str | None:
    """`name`, for the expression `self.name`; None for any other."""
    if isinstance(node, cst.Attribute) and isinstance(node.value, cst.Name):
        return node.attr.value if node.value.value == "self" else None
    return None
