"""What a block of experts adds up more than once where each rank has a part of it.

The engine's layer sums over the ranks, and with the experts' parts it adds up whatever else is in
them: the output of a shared expert that it runs (`MoERunner._maybe_reduce_final_output`), and
biases of the down-projections (`RoutedExperts.weight_loader` gives them to every rank whole).
"""

from __future__ import annotations

from collections.abc import Mapping

from forgather_lint.core.source import Place
from forgather_lint.engines.vllm.experts import ExpertBlock
from forgather_lint.engines.vllm.fusers.fused import Fusion
from forgather_lint.engines.vllm.moe.fuser import named_state
from forgather_lint.engines.vllm.moe.layer import LINEARS, ExpertRole
from forgather_lint.execution import layers
from forgather_lint.execution.assignments import Assignment
from forgather_lint.execution.dataflow import Body
from forgather_lint.execution.outcome import Outcome, Verdict, undecided
from forgather_lint.facts.causes.experts import SummedByRanks
from forgather_lint.libraries.names import LINEAR
from forgather_lint.python.interpreter.machine import Machine
from forgather_lint.python.values.objects import Instance

_WHOLE = (layers.Role.ROW, layers.Role.ROW_SPLITTING, layers.Role.COLUMN_GATHERED)
"""Layers whose output every rank has whole."""


def summed_by_ranks(
    machine: Machine,
    block: ExpertBlock,
    bodies: Mapping[Instance, Body],
    assigned: Mapping[Instance, Assignment],
    groups: Mapping[Instance, Fusion],
    *,
    shared_once: bool,
) -> Outcome | None:
    """The outcome if the sum over ranks counts something once for each rank; None if nothing.

    `shared_once`: a shared expert that is fused leaves its sum to the layer.
    """
    biased = _down_bias(block.experts)
    if biased is not None:
        return _wrong(block, f"the bias of `{biased}`", block.experts.where)
    name = block.replaced.shared if block.replaced is not None else None
    shared = block.owner.attributes.get(name) if name is not None else None
    if not isinstance(shared, Instance):
        return None
    group = groups.get(shared.first_alike)
    if group is not None and group.kind == "GLU" and group.row is not None:
        if shared_once:
            return None
        return _unknown(block, shared)
    if (group is None and not _is_divided(machine, shared, assigned)) or _is_whole(
        shared, bodies, assigned
    ):
        return _wrong(block, f"the output of `{name}`", shared.where)
    return _unknown(block, shared)


def _unknown(block: ExpertBlock, shared: Instance) -> Outcome:
    return undecided("shared-expert-on-ranks", shared.where, block.name)


def _wrong(block: ExpertBlock, what: str, where: Place) -> Outcome:
    cause = SummedByRanks(what)
    return Outcome(Verdict.WRONG, cause, cause.told, where, None, block.name)


def _down_bias(experts: Instance) -> str | None:
    """The name of an expert's down-projection with a bias; None if there is none."""
    for name, _ in named_state(experts):
        holder, _, last = name.rpartition(".")
        if last == "bias" and LINEARS.get(holder.rpartition(".")[2]) is ExpertRole.STACK_DOWN:
            return holder
    return None


def _is_divided(
    machine: Machine, module: Instance, assigned: Mapping[Instance, Assignment]
) -> bool:
    """Whether a Linear in the module is split over the ranks."""
    for value in module.attributes.values():
        if not isinstance(value, Instance):
            continue
        assignment = assigned.get(value)
        divided = assignment is not None and assignment.role is not layers.Role.REPLICATED
        if divided and machine.is_instance_of(value, LINEAR):
            return True
    return False


def _is_whole(
    module: Instance, bodies: Mapping[Instance, Body], assigned: Mapping[Instance, Assignment]
) -> bool:
    """Whether the module returns the output of a layer that sums or gathers."""
    body = bodies.get(module.first_alike)
    step = body.made_by(body.peeled(body.result)) if body is not None else None
    name = next(
        (
            name
            for name, value in (body.owner.attributes.items() if body is not None else ())
            if step is not None and value is step.module
        ),
        None,
    )
    last = module.attributes.get(name) if name is not None else None
    assignment = assigned.get(last) if isinstance(last, Instance) else None
    return assignment is not None and assignment.role in _WHOLE
