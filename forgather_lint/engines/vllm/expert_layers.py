"""Layers by which vLLM replaces those of a model's experts.

`FusedMoE` replaces the experts of a block: it takes hidden states, the chosen experts and their
weights, and sums over the ranks itself.
"""

from __future__ import annotations

from forgather_lint.core.port import port_of
from forgather_lint.facts.causes.experts import ExpertsUsedAsList
from forgather_lint.libraries.element_types import leave_to_types
from forgather_lint.libraries.names import FUSED_BLOCK, FUSED_EXPERTS
from forgather_lint.libraries.operands import result, shape_of, tensor, tensor_op
from forgather_lint.libraries.propagation import Operand, propagate
from forgather_lint.python.interpreter.dispatch import machine_of
from forgather_lint.python.interpreter.library import OpFailure, Site, op
from forgather_lint.python.values.objects import Instance
from forgather_lint.python.values.value import Known, TensorValue, Unknown, Value

ROUTER = "router"
"""Attribute of a block's fused experts: `Known(True)` when the engine may route by itself."""

RUNNER = "TransformersMoERunner"


@port_of("vllm/model_executor/models/transformers/moe.py", "TransformersMoERunner.forward")
@tensor_op(f"{FUSED_EXPERTS}.forward")
def forward(
    site: Site, self: Instance, hidden_states: Value, topk_ids: Value, topk_weights: Value
) -> Value:
    """Returns hidden states of the shape of its input; all three inputs must be whole."""
    given = [tensor(site, each) for each in (hidden_states, topk_ids, topk_weights)]
    operands = [
        Operand(each, tuple(f"{number}.{dim}" for dim in range(len(shape_of(each)))), "argument")
        for number, each in enumerate(given)
    ]
    leave_to_experts(site, given[0])
    every = [label for operand in operands for label in operand.labels]
    placement = propagate(site, operands, operands[0].labels, whole=every)
    return result(site, shape_of(given[0]), placement, given[0].dtype)


@tensor_op(FUSED_BLOCK)
def block_forward(site: Site, hidden_states: Value) -> Value:
    """Routes, runs the experts and adds the shared one; returns the shape of its input."""
    given = tensor(site, hidden_states)
    leave_to_experts(site, given)
    labels = tuple(range(len(shape_of(given))))
    placement = propagate(site, [Operand(given, labels, "argument")], labels, whole=labels)
    return result(site, shape_of(given), placement, given.dtype)


def leave_to_experts(site: Site, given: TensorValue) -> None:
    """Kernels of experts differ in which hidden states they take beside weights of another type."""
    machine = machine_of(site)
    if given.dtype not in (None, machine.environment.dtype):
        leave_to_types(machine, f"the experts are given {given.dtype}", site.where)


@op(f"{FUSED_EXPERTS}.__getitem__")
def item(site: Site, self: Instance, key: Value) -> Value:
    return _without_members(site, self, f"'{RUNNER}' object is not subscriptable")


@op(f"{FUSED_EXPERTS}.__iter__")
def members(site: Site, self: Instance) -> Value:
    return _without_members(site, self, f"'{RUNNER}' object is not iterable")


@op(f"{FUSED_EXPERTS}.__len__")
def length(site: Site, self: Instance) -> Value:
    return _without_members(site, self, f"object of type '{RUNNER}' has no len()")


def _without_members(site: Site, self: Instance, text: str) -> Value:
    """Raises, as the experts are no list any more, unless the engine itself routes the block."""
    if self.attributes.get(ROUTER) == Known(True):
        return Unknown("engine-may-route-experts", site.where)
    raise OpFailure("TypeError", text, ExpertsUsedAsList())
