"""What newer releases read from the text of a forward, besides what running it tells.

Source: vllm/model_executor/models/transformers, fusers/*.py and fx_utils.py.
"""

from __future__ import annotations

import libcst as cst

from forgather_lint.flow.dataflow import Body
from forgather_lint.interp.classes import find_member
from forgather_lint.interp.machine import Machine
from forgather_lint.syntax.walk import descendants
from forgather_lint.values.objects import FunctionValue, Instance

LOOKUP = "ALL_ATTENTION_FUNCTIONS"
"""The table in which transformers' models look up their attention function."""


def forward_of(machine: Machine, module: Instance) -> FunctionValue | None:
    """The forward of `module` when its source was read."""
    member = find_member(machine, module.cls, "forward")
    function = member.value if member is not None else None
    return function if isinstance(function, FunctionValue) else None


def _definition(machine: Machine, module: Instance) -> cst.FunctionDef | None:
    forward = forward_of(machine, module)
    return forward.node if forward and isinstance(forward.node, cst.FunctionDef) else None


def traces_completely(machine: Machine, owner: Instance) -> bool:
    """Whether torch.fx gets through the forward of an attention module.

    Only `get_interface` is made a leaf (fx_utils.py); behind a subscript the trace breaks off, and
    shapes are known only below a placeholder named `hidden_states`.
    """
    forward = _definition(machine, owner)
    if forward is None:
        return False
    names = [parameter.name.value for parameter in forward.params.params]
    return "hidden_states" in names and _looks_up_by_method_only(forward.body)


def written_alike(machine: Machine, body: Body, modules: tuple[Instance, ...]) -> bool:
    """Whether the text gives every one of `modules` the same argument.

    `update_forward` of each fuser asks for that ("projection inputs are written differently").
    """
    forward = _definition(machine, body.owner)
    if forward is None:
        return True
    wanted = set(map(id, modules))
    names = {name for name, value in body.owner.attributes.items() if id(value) in wanted}
    written = {
        cst.Module([]).code_for_node(node.args[0].value)
        for node in descendants(forward.body)
        if isinstance(node, cst.Call)
        and node.args
        and isinstance(node.func, cst.Attribute)
        and node.func.attr.value in names
    }
    return len(written) <= 1


def _looks_up_by_method_only(body: cst.BaseSuite) -> bool:
    """Whether the attention function is looked up through `get_interface`, never by a subscript."""
    nodes = list(descendants(body))
    subscripted = [node.value for node in nodes if isinstance(node, cst.Subscript)]
    by_subscript = any(
        isinstance(value, cst.Name) and value.value == LOOKUP for value in subscripted
    )
    attributes = {node.attr.value for node in nodes if isinstance(node, cst.Attribute)}
    return "get_interface" in attributes and not by_subscript
