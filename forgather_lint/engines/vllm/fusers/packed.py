"""Queries, keys and values packed in one projection: packed_qkv.py in vLLM's fusers (0.27)."""

from __future__ import annotations

import libcst as cst

from forgather_lint.core.port import port_of
from forgather_lint.documents.walk import all_below, descendants
from forgather_lint.engines.common.forward_text import definition_of
from forgather_lint.engines.vllm.fusers.fused import Fusion, returned_linear, upstream_linear, width
from forgather_lint.execution.dataflow import Body, Step
from forgather_lint.execution.layers import divide
from forgather_lint.python.interpreter.machine import Machine
from forgather_lint.python.values.objects import Instance
from forgather_lint.python.values.value import Known, ListValue, TupleValue, Value


@port_of("vllm/model_executor/models/transformers/fusers/packed_qkv.py", "PackedQKVFuser.match")
def packed_qkv(
    machine: Machine, body: Body, calls: list[Step], linears: list[Instance], size: int, ranks: int
) -> Fusion | None:
    """`self.qkv(x).split((q, kv, kv), ...)`, with literal sizes that add up to its width.

    `size` is that of a head; a rank has whole heads, which several ranks may share.
    """
    for step in body.steps:
        widths = _packed_widths(step)
        source = upstream_linear(body, step.inputs[0], calls) if widths else None
        packed = source.module if source is not None else None
        if packed is None or not size or width(packed, "out_features") != sum(widths):
            continue
        query, kv, _ = widths
        if not _is_split_once(machine, body, packed) or query % size or kv % size:
            return None
        others = [each for each in linears if each is not packed]
        row = returned_linear(machine, body, others)
        if row is not None and width(row, "in_features") != query:
            row = None
        heads = kv // size
        on_rank = max(size, kv // ranks)
        parts = (divide(query, ranks, packed.where), on_rank, on_rank)
        return Fusion("packed QKV", (packed,), row, head_size=size, kv_heads=heads, parts=parts)
    return None


def _packed_widths(step: Step) -> tuple[int, ...]:
    """The widths of queries, keys and values into which a step splits a value; else empty."""
    given = step.arguments.positional if step.name == "Tensor.split" else ()
    sections = given[1] if len(given) > 1 else None
    if not isinstance(sections, TupleValue | ListValue):
        return ()
    found = tuple(map(_whole, sections.items))
    return found if len(found) == 3 and found[0] >= found[1] == found[2] > 0 else ()


def _whole(value: Value) -> int:
    return value.value if isinstance(value, Known) and isinstance(value.value, int) else 0


def _is_split_once(machine: Machine, body: Body, packed: Instance) -> bool:
    """Whether the source has one `self.qkv(...)....split((a, b, c), ...)`, which is rewritten."""
    forward = definition_of(machine, body.owner)
    if forward is None:
        return False
    named = {name for name, value in body.owner.attributes.items() if value is packed}
    return sum(_is_split_of(node, named) for node in all_below(forward.body)) == 1


def _is_split_of(node: cst.CSTNode, named: set[str]) -> bool:
    if not isinstance(node, cst.Call) or not isinstance(node.func, cst.Attribute):
        return False
    sections = node.args[0].value if node.args and node.args[0].keyword is None else None
    return (
        node.func.attr.value == "split"
        and isinstance(sections, cst.Tuple | cst.List)
        and len(sections.elements) == 3
        and any(
            isinstance(inner, cst.Attribute) and inner.attr.value in named
            for inner in descendants(node.func.value)
        )
    )
