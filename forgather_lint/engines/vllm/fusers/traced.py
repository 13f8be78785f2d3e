"""How far torch.fx traces a forward, judged by its source: what it reaches may be fused."""

from __future__ import annotations

import libcst as cst

from forgather_lint.core.port import port_of
from forgather_lint.documents.walk import all_below, descendants, of_kind
from forgather_lint.engines.common.attention_call import LOOKUP
from forgather_lint.engines.common.forward_text import definition_of, forward_of, of_self
from forgather_lint.engines.vllm.fusers.trace_end import trace_begins, trace_end
from forgather_lint.execution.dataflow import Body, Step
from forgather_lint.libraries.names import ATTENTION_INTERFACE
from forgather_lint.python.interpreter.classes import find_member
from forgather_lint.python.interpreter.machine import Machine
from forgather_lint.python.values.objects import FunctionValue, Instance
from forgather_lint.python.values.value import ValueId


@port_of("vllm/model_executor/models/transformers/fx_utils.py", "_AllLeafTracer")
@port_of("vllm/model_executor/models/transformers/fx_utils.py", "trace")
def traces_completely(machine: Machine, owner: Instance) -> bool:
    """Whether torch.fx traces the whole forward of an attention module.

    Only `get_interface` is made a leaf; at a subscript the trace breaks off, and shapes are known
    only for a parameter named `hidden_states`.
    """
    forward = definition_of(machine, owner)
    if forward is None or not _knows_shapes(forward) or not _passes_attention(forward.body):
        return False
    return _begins(machine, owner) and _end(machine, owner) is None


def seen_by_trace(machine: Machine, body: Body, calls: list[Step]) -> list[Step]:
    """The `calls` that torch.fx reaches before something that it cannot trace.

    That is the attention, where it is looked up by a subscript; a star in front of an unknown shape
    (`_AllLeafTracer.iter`); and anything that needs the value of a proxy (`trace_end`).
    """
    forward = definition_of(machine, body.owner)
    if forward is None:
        return calls
    if not _begins(machine, body.owner):
        return []
    attention = [i for i, step in enumerate(body.steps) if step.name == ATTENTION_INTERFACE]
    if attention and not _passes_attention(forward.body):
        before = set(body.steps[: attention[0]])
        calls = [call for call in calls if call in before]
    end = _end(machine, body.owner)
    if _knows_shapes(forward) and end is None:
        return calls
    reached = _called_before(forward, end, stars=not _knows_shapes(forward))
    names = {ValueId(value): name for name, value in body.owner.attributes.items()}
    return [
        call
        for call in calls
        if call.module is not None and names.get(ValueId(call.module)) in reached
    ]


def _begins(machine: Machine, owner: Instance) -> bool:
    member, forward = find_member(machine, owner.cls, "forward"), forward_of(machine, owner)
    outermost = member.value if member is not None else None
    if forward is None or not isinstance(outermost, FunctionValue):
        return True
    return trace_begins(outermost, forward)


def _end(machine: Machine, owner: Instance) -> cst.CSTNode | None:
    forward, text = forward_of(machine, owner), definition_of(machine, owner)
    if forward is None or text is None:
        return None
    return trace_end(forward, shapes=_knows_shapes(text))


def _called_before(forward: cst.FunctionDef, end: cst.CSTNode | None, *, stars: bool) -> set[str]:
    """The attributes of `self` called up to and in `end`, or with `stars` up to the first star."""
    found: set[str] = set()
    for node in all_below(forward.body):
        if node is end:
            return found | _named_in(_recorded(node))
        is_star = isinstance(node, cst.StarredElement) or (
            isinstance(node, cst.Arg) and node.star == "*"
        )
        if stars and is_star:
            break
        name = of_self(node)
        if name is not None:
            found.add(name)
    return found


def _recorded(end: cst.CSTNode) -> cst.CSTNode:
    """The part that runs of the node at which a trace ends."""
    if isinstance(end, cst.ListComp | cst.GeneratorExp):
        return end.for_in.iter
    return end.test if isinstance(end, cst.If) else end


def _named_in(node: cst.CSTNode) -> set[str]:
    return {name for each in descendants(node) if (name := of_self(each)) is not None}


def _knows_shapes(forward: cst.FunctionDef) -> bool:
    return any(parameter.name.value == "hidden_states" for parameter in forward.params.params)


def _passes_attention(body: cst.BaseSuite) -> bool:
    """Whether the attention function is looked up by `get_interface` and never by a subscript."""
    nodes = all_below(body)
    subscripted = [node.value for node in of_kind(nodes, cst.Subscript)]
    by_subscript = any(
        isinstance(value, cst.Name) and value.value == LOOKUP for value in subscripted
    )
    attributes = {node.attr.value for node in of_kind(nodes, cst.Attribute)}
    return "get_interface" in attributes and not by_subscript
