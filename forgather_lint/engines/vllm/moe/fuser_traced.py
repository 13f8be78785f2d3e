"""Blocks of experts that a release replaces if their whole data flow has a known form.

A port of `MoEBlockFuser.match` of 0.33 (vllm/model_executor/models/transformers/fusers/moe.py):
`experts(x, ids, weights) [* c] [+ shared(x)]` with `_, weights, ids = gate(x)`.
"""

from __future__ import annotations

from dataclasses import replace

from forgather_lint.engines.common.forward_text import definition_of
from forgather_lint.engines.common.rms_norm import made
from forgather_lint.engines.vllm.fusers.trace_through import traces_through
from forgather_lint.engines.vllm.moe.fuser import (
    BlockFuser,
    ReplacedBlock,
    Router,
    UndecidedBlock,
    downstream,
    named_state,
    upstream,
)
from forgather_lint.engines.vllm.moe.routing import BlockOutput, is_input, read_output, reads
from forgather_lint.engines.vllm.moe.text import returns_tuple
from forgather_lint.execution.dataflow import Body, Step
from forgather_lint.execution.terms import ITEM, Term, Terms, peeled
from forgather_lint.python.values.objects import Instance
from forgather_lint.python.values.value import ValueId

_SCORING = ("softmax", "sigmoid")


class TracedBlockFuser(BlockFuser):
    """The fuser of 0.33 and later, which looks at the block first."""

    def match(self, body: Body) -> ReplacedBlock | UndecidedBlock | None:
        block = body.owner
        forward = definition_of(self.machine, block)
        children = dict(self._children(block))
        experts = children.get(self.experts)
        if forward is None or experts is None or returns_tuple(forward):
            return None
        terms = Terms(body, self.bodies, set(children.values()))
        call, result = terms.call_of(experts), terms.result()
        gate = _gate_of(call) if call is not None else None
        if call is None or gate is None or gate.owner is None:
            return None
        output = read_output(result, call)
        if not isinstance(output, BlockOutput) or not _adds_of_input(output, call):
            return None
        names: dict[Instance | None, str] = {child: name for name, child in children.items()}
        shared = output.shared.owner if output.shared is not None else None
        shared_gate = output.gate.owner if output.gate is not None else None
        router = self._read(gate.owner, names[gate.owner])
        kept = [each for each in (experts, gate.owner, shared, shared_gate) if each is not None]
        for child in children.values():
            if not any(child is each for each in kept) and any(True for _ in named_state(child)):
                return None
        if not router.scoring and (shared is None or output.factor != 1):
            return None
        found = ReplacedBlock(router, names.get(shared), names.get(shared_gate))
        stops = not traces_through(forward) or self._may_stop(gate.owner)
        return UndecidedBlock(block.where, found) if stops else found

    def _may_stop(self, module: Instance) -> bool:
        forward = definition_of(self.machine, module)
        return forward is None or not traces_through(forward)

    def _read(self, gate: Instance, name: str) -> Router:
        """The gate as a router, scored before or after the choice; without a scoring it stays."""
        scoring = self._scoring(gate)
        body = self.bodies.get(gate.first_alike)
        if body is None:
            return Router(name, "")
        choice = next((step for step in reversed(body.steps) if made(step, "topk")), None)
        if choice is None:
            return Router(name, "")
        behind = downstream(body, choice.output)
        renormalized = any(
            made(step, "div", "truediv") and _is_by_sum(body, step, behind)
            for step in body.steps
            if step.output in behind
        )
        if scoring is not None:
            return Router(name, scoring, renormalized)
        return replace(self._scored_behind(body, behind, name), name=name)

    def _scored_behind(self, body: Body, behind: set[ValueId], name: str) -> Router:
        state = {held for held, _ in named_state(body.owner)}
        scorers = [s for s in body.steps if s.output in behind and made(s, *_SCORING)]
        known = "weight" in state and not state - set(self.state)
        linear = any(made(each, "linear") for each in body.steps)
        if not known or not linear or len(scorers) != 1:
            return Router(name, "")
        scoring = scorers[0].name.rpartition(".")[2]
        return Router(name, scoring, scoring == "softmax")


def _is_by_sum(body: Body, division: Step, behind: set[ValueId]) -> bool:
    """Whether the divisor is computed from a sum over what was chosen (`_renormalizes`)."""
    step = body.made_by(division.inputs[1]) if len(division.inputs) > 1 else None
    if step is None:
        return False
    return any(made(each, "sum") and each.output in behind for each in upstream(body, step))


def _gate_of(call: Term) -> Term | None:
    """The call of the gate, if the experts get its third and second result and its input.

    Else None.
    """
    if len(call.inputs) != 3:
        return None
    given, index, weights = map(peeled, call.inputs)
    if not is_input(given) or index.op != ITEM or weights.op != ITEM:
        return None
    gate = index.positional[0]
    same = weights.positional[0] is gate and (index.place, weights.place) == (2, 1)
    return gate if same and gate.owner is not None and reads(gate, given) else None


def _adds_of_input(output: BlockOutput, call: Term) -> bool:
    given = peeled(call.inputs[0])
    added = [each for each in (output.shared, output.gate) if each is not None]
    return all(reads(each, given) for each in added)
