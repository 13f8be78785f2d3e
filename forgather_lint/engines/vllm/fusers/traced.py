"""How far torch.fx gets through a forward, told by its text: what it reaches may be fused."""

from __future__ import annotations

import libcst as cst

from forgather_lint.core.port import port_of
from forgather_lint.documents.walk import all_below, of_kind
from forgather_lint.engines.common.attention_call import LOOKUP
from forgather_lint.engines.common.forward_text import definition_of, of_self
from forgather_lint.execution.dataflow import Body, Step
from forgather_lint.libraries.names import ATTENTION_INTERFACE
from forgather_lint.python.interpreter.machine import Machine
from forgather_lint.python.values.objects import Instance
from forgather_lint.python.values.value import ValueId


@port_of("vllm/model_executor/models/transformers/fx_utils.py", "_AllLeafTracer")
@port_of("vllm/model_executor/models/transformers/fx_utils.py", "trace")
def traces_completely(machine: Machine, owner: Instance) -> bool:
    """Whether torch.fx gets through the forward of an attention module.

    Only `get_interface` is made a leaf; behind a subscript the trace breaks off, and shapes are
    known only below a placeholder named `hidden_states`.
    """
    forward = definition_of(machine, owner)
    return forward is not None and _knows_shapes(forward) and _passes_attention(forward.body)


def seen_by_trace(machine: Machine, body: Body, calls: list[Step]) -> list[Step]:
    """The `calls` that torch.fx gets to before what it cannot trace.

    That is the attention, where it is looked up by a subscript, and a star in front of a shape that
    is not known (`_AllLeafTracer.iter`).
    """
    forward = definition_of(machine, body.owner)
    if forward is None:
        return calls
    attention = [i for i, step in enumerate(body.steps) if step.name == ATTENTION_INTERFACE]
    if attention and not _passes_attention(forward.body):
        before = set(body.steps[: attention[0]])
        calls = [call for call in calls if call in before]
    if _knows_shapes(forward):
        return calls
    reached = _called_before_star(forward)
    names = {ValueId(value): name for name, value in body.owner.attributes.items()}
    return [
        call
        for call in calls
        if call.module is not None and names.get(ValueId(call.module)) in reached
    ]


def _called_before_star(forward: cst.FunctionDef) -> set[str]:
    """The names behind `self.` that stand in front of the first star."""
    found: set[str] = set()
    nodes = all_below(forward.body)
    for node in of_kind(nodes, cst.StarredElement, cst.Arg, cst.Attribute):
        if isinstance(node, cst.StarredElement) or (isinstance(node, cst.Arg) and node.star == "*"):
            break
        name = of_self(node)
        if name is not None:
            found.add(name)
    return found


def _knows_shapes(forward: cst.FunctionDef) -> bool:
    return any(parameter.name.value == "hidden_states" for parameter in forward.params.params)


def _passes_attention(body: cst.BaseSuite) -> bool:
    """Whether the attention function is looked up through `get_interface`, never by a subscript."""
    nodes = all_below(body)
    subscripted = [node.value for node in of_kind(nodes, cst.Subscript)]
    by_subscript = any(
        isinstance(value, cst.Name) and value.value == LOOKUP for value in subscripted
    )
    attributes = {node.attr.value for node in of_kind(nodes, cst.Attribute)}
    return "get_interface" in attributes and not by_subscript
