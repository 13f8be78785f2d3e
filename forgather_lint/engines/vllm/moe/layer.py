"""Compares what the forward of experts computes with what the engine's fused layer does.

The layer computes, for each token, the sum over its chosen experts of `weight * down(silu(gate(x))
* up(x))`. Every value of the forward has a role in that, or none; the selection of tokens for an
expert is accepted if it is computed from the choice alone. Source:
vllm/model_executor/layers/fused_moe (w13: gate in front of up; w2: down).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field
from enum import StrEnum

from forgather_lint.core.record import record
from forgather_lint.engines.vllm.moe.routing import NEGLIGIBLE, scaled_by
from forgather_lint.execution.terms import (
    ATTRIBUTE,
    CONSTANT,
    EITHER,
    INPUT,
    ITEM,
    LIBRARY,
    Term,
    peeled,
)
from forgather_lint.python.values.objects import Instance
from forgather_lint.python.values.value import Choice, External, TensorValue, Unknown


class ExpertRole(StrEnum):
    """The role of a value in the fused layer."""

    HIDDEN = "hidden states"
    CHOICE = "the choice"
    WEIGHTS = "weights"
    MASKED = "weights, zero for other experts"
    EMPTY = "zeros"
    BOTH = "gate and up"
    GATE = "gate"
    UP = "up"
    ACTIVE = "activated gate"
    INNER = "activated gate times up"
    OUTPUT = "output of an expert"
    WEIGHED = "weighed output"
    SUM = "sum of weighed outputs"
    STACK_BOTH = "weights of gate and up"
    STACK_GATE = "weights of gate"
    STACK_UP = "weights of up"
    STACK_DOWN = "weights of down"


@record
class ScaledRole:
    """A role, and the factor of the value relative to the one in the layer."""

    role: ExpertRole
    factor: float = 1.0


@record
class Stray:
    """A value without a role: the op that computed it; `wrong` if it surely is something else."""

    term: Term
    wrong: str = ""


STACKS = {
    "gate_up_proj": ExpertRole.STACK_BOTH,
    "w13": ExpertRole.STACK_BOTH,
    "down_proj": ExpertRole.STACK_DOWN,
    "w2": ExpertRole.STACK_DOWN,
}
"""The names under which stacks of weights are loaded (`build_expert_params_mapping`)."""
LINEARS = {
    "gate_proj": ExpertRole.STACK_GATE,
    "w1": ExpertRole.STACK_GATE,
    "up_proj": ExpertRole.STACK_UP,
    "w3": ExpertRole.STACK_UP,
    "down_proj": ExpertRole.STACK_DOWN,
    "w2": ExpertRole.STACK_DOWN,
}
"""The names under which the weights of single experts are loaded."""
_LINEAR = {
    (ExpertRole.HIDDEN, ExpertRole.STACK_BOTH): ExpertRole.BOTH,
    (ExpertRole.HIDDEN, ExpertRole.STACK_GATE): ExpertRole.GATE,
    (ExpertRole.HIDDEN, ExpertRole.STACK_UP): ExpertRole.UP,
    (ExpertRole.INNER, ExpertRole.STACK_DOWN): ExpertRole.OUTPUT,
}
_PRODUCTS = {
    frozenset({ExpertRole.ACTIVE, ExpertRole.UP}): ExpertRole.INNER,
    frozenset({ExpertRole.OUTPUT, ExpertRole.WEIGHTS}): ExpertRole.WEIGHED,
    frozenset({ExpertRole.WEIGHTS, ExpertRole.CHOICE}): ExpertRole.MASKED,
}
_LINEAR_IN_FACTOR = frozenset(
    {ExpertRole.UP, ExpertRole.ACTIVE, ExpertRole.INNER, ExpertRole.OUTPUT, ExpertRole.WEIGHED}
)
_SILU = ("torch.nn.SiLU", "transformers.SiLUActivation", "transformers.activations.SiLUActivation")
_OTHER = ("relu", "gelu", "tanh", "sigmoid", "softplus", "mish", "leaky_relu", "elu", "relu6")
_SELECTS = ("getitem", "index_select", "unsqueeze", "expand", "expand_as", "repeat_interleave")
_ZEROS = ("zeros", "zeros_like", "new_zeros")
_TRANSPOSES = ("t", "T.get", "mT.get", "transpose")

Given = ScaledRole | Stray


@record(frozen=False, eq=False)
class ExpertLayer:
    """The roles of the terms of one forward; `given` has those of its inputs, by position."""

    given: Mapping[int, ExpertRole]
    _known: dict[Term, Given] = field(default_factory=dict)

    def verdict(self, result: Term) -> Stray | None:
        """The value in the forward that the layer does not compute; None when there is none."""
        found = self.part(result)
        if isinstance(found, Stray):
            return found
        if found.role is not ExpertRole.SUM:
            return Stray(peeled(result))
        if abs(found.factor - 1) > NEGLIGIBLE:
            return Stray(peeled(result), f"scaled by {found.factor:g}")
        return None

    def part(self, term: Term) -> Given:
        """The role of a term."""
        term = peeled(term)
        known = self._known.get(term)
        if known is None:
            known = self._known[term] = self._part(term)
        return known

    def _part(self, term: Term) -> Given:
        if term.op == INPUT:
            role = self.given.get(term.place)
            return ScaledRole(role) if role is not None else Stray(term)
        if term.op == ATTRIBUTE:
            role = STACKS.get(term.name)
            return ScaledRole(role) if role is not None else Stray(term)
        scaled = scaled_by(term)
        if scaled is not None:
            return self._scaled(term, *scaled)
        if self._is_choice(term):
            return ScaledRole(ExpertRole.CHOICE)
        if term.op == EITHER:
            return self._either(term)
        rule = _RULES.get(term.op) or (_RULES["zeros"] if term.op in _ZEROS else None)
        rule = rule or (ExpertLayer._selected if term.op in _SELECTS else None)
        return rule(self, term) if rule is not None else self._other(term)

    def _either(self, term: Term) -> Given:
        """The role that all branches have in common; a sum over no experts counts as a sum."""
        parts = [self.part(each) for each in term.positional]
        stray = next((each for each in parts if isinstance(each, Stray)), None)
        if stray is not None:
            return stray
        found = [
            each
            for each in parts
            if isinstance(each, ScaledRole) and each.role is not ExpertRole.EMPTY
        ]
        if not found or any(each != found[0] for each in found):
            return ScaledRole(ExpertRole.EMPTY) if not found else Stray(term)
        whole = len(found) == len(parts) or found[0].role is ExpertRole.SUM
        return found[0] if whole else Stray(term)

    def _is_choice(self, term: Term) -> bool:
        """Whether it is computed from the choice and constants alone, and has no real numbers."""
        if term.op == CONSTANT:
            if term.positional:
                return all(self._is_choice(each) or self._chosen(each) for each in term.positional)
            return not isinstance(term.value, Instance | External | TensorValue | Choice | Unknown)
        value = term.value
        if isinstance(value, TensorValue):
            whole = value.dtype is not None and value.dtype.startswith(("int", "bool", "uint"))
            if not whole or value.is_parameter:
                return False
        given = [self.part(each) for each in term.inputs]
        parts = [each for each in given if isinstance(each, ScaledRole)]
        of_choice = all(each.role is ExpertRole.CHOICE for each in parts)
        return bool(term.inputs) and len(parts) == len(given) and of_choice

    def _chosen(self, term: Term) -> bool:
        found = self.part(term)
        return isinstance(found, ScaledRole) and found.role is ExpertRole.CHOICE

    def _scaled(self, term: Term, inner: Term, factor: float) -> Given:
        found = self.part(inner)
        if isinstance(found, Stray) or factor == 1:
            return found
        if (
            found.role in (ExpertRole.WEIGHTS, ExpertRole.MASKED, ExpertRole.SUM)
            or found.role in _LINEAR_IN_FACTOR
        ):
            return ScaledRole(found.role, found.factor * factor)
        if found.role in (ExpertRole.HIDDEN, ExpertRole.GATE, ExpertRole.BOTH):
            return Stray(term, f"`{found.role}` scaled by {factor:g}")
        return Stray(term)

    def _selected(self, term: Term) -> Given:
        """Rows selected by the choice or a constant; of a `both`, one half."""
        found = self.part(term.positional[0])
        if isinstance(found, Stray):
            return found
        keys = [self.part(each) for each in term.inputs[1:]]
        if not all(isinstance(key, ScaledRole) and key.role is ExpertRole.CHOICE for key in keys):
            return Stray(term)
        if found.role is ExpertRole.MASKED:
            return ScaledRole(ExpertRole.WEIGHTS, found.factor)
        rows = (ExpertRole.HIDDEN, ExpertRole.WEIGHTS, ExpertRole.CHOICE)
        keeps = found.role in rows or found.role.name.startswith("STACK")
        return found if keeps else Stray(term)

    def _item(self, term: Term) -> Given:
        """An item of a tuple: the first of two halves is the gate."""
        whole = term.positional[0]
        if whole.op in ("chunk", "split", "tensor_split", "unbind"):
            found = self.part(whole.positional[0])
            if isinstance(found, Stray):
                return found
            if found.role is ExpertRole.BOTH and whole.op != "unbind" and _in_halves(whole):
                return ScaledRole(ExpertRole.GATE if term.place == 0 else ExpertRole.UP)
            return Stray(term)
        return self.part(whole)

    def _linear(self, term: Term) -> Given:
        if len(term.inputs) != 2:
            return Stray(term)
        return self._projected(term, *term.inputs)

    def _matmul(self, term: Term) -> Given:
        """`x @ stack.t()`; without the transposition the stack is stored the other way round."""
        source, stack = term.positional[0], term.positional[1]
        if stack.op not in _TRANSPOSES:
            return Stray(term)
        return self._projected(term, source, stack.positional[0])

    def _projected(self, term: Term, source: Term, stack: Term) -> Given:
        given, weights = self.part(source), self.part(stack)
        for each in (given, weights):
            if isinstance(each, Stray):
                return each
        assert isinstance(given, ScaledRole)
        assert isinstance(weights, ScaledRole)
        role = _LINEAR.get((given.role, weights.role))
        if (
            role is None
            and given.role is ExpertRole.WEIGHED
            and weights.role is ExpertRole.STACK_DOWN
        ):
            role = ExpertRole.WEIGHED
        return ScaledRole(role, given.factor) if role is not None else Stray(term)

    def _library(self, term: Term) -> Given:
        """A Linear, identified by the name that holds it, or an activation."""
        if len(term.positional) != 1 or term.keywords:
            return Stray(term)
        if term.kind != "torch.nn.Linear":
            return self._activated(term, term.kind in _SILU, term.positional[0])
        found, weights = self.part(term.positional[0]), LINEARS.get(term.name)
        if isinstance(found, Stray):
            return found
        if (found.role, weights) == (ExpertRole.ACTIVE, ExpertRole.STACK_DOWN):
            return Stray(term, "there is no projection up")
        role = _LINEAR.get((found.role, weights)) if weights is not None else None
        return ScaledRole(role, found.factor) if role is not None else Stray(term)

    def _silu(self, term: Term) -> Given:
        return self._activated(term, True, term.positional[0])

    def _activated(self, term: Term, silu: bool, source: Term) -> Given:
        found = self.part(source)
        if isinstance(found, Stray):
            return found
        if found.role is ExpertRole.UP:
            return Stray(term, "the second half is activated")
        if found.role is not ExpertRole.GATE:
            return Stray(term)
        return (
            ScaledRole(ExpertRole.ACTIVE) if silu else Stray(term, "another activation than SiLU")
        )

    def _product(self, term: Term) -> Given:
        if len(term.positional) != 2:
            return Stray(term)
        left, right = (self.part(each) for each in term.positional)
        for each in (left, right):
            if isinstance(each, Stray):
                return each
        assert isinstance(left, ScaledRole)
        assert isinstance(right, ScaledRole)
        role = _PRODUCTS.get(frozenset({left.role, right.role}))
        if role is None and {left.role, right.role} == {ExpertRole.INNER, ExpertRole.WEIGHTS}:
            role = ExpertRole.WEIGHED
        return ScaledRole(role, left.factor * right.factor) if role is not None else Stray(term)

    def _power(self, term: Term) -> Given:
        """Powers of the weights; the only weight of a token may be one, whatever the power."""
        base, exponent = term.positional[0], term.argument("exponent", 1)
        found = self.part(base)
        if isinstance(found, Stray) or exponent is None or exponent.number is None:
            return found if isinstance(found, Stray) else Stray(term)
        if exponent.number == 1:
            return found
        if found.role in (ExpertRole.WEIGHTS, ExpertRole.MASKED) and self._several_are_chosen(base):
            return Stray(term, f"the weights to the power of {exponent.number:g}")
        return Stray(term)

    def _several_are_chosen(self, term: Term) -> bool:
        """Whether `term` is computed from the weights of more than one expert for each token."""
        if term.op == INPUT and self.given.get(term.place) is ExpertRole.WEIGHTS:
            width = term.shape[-1] if term.shape else None
            return isinstance(width, int) and width > 1
        return any(self._several_are_chosen(each) for each in term.inputs)

    def _total(self, term: Term) -> Given:
        """Masked weights, summed over what was chosen."""
        found = self.part(term.positional[0])
        if isinstance(found, ScaledRole) and found.role is ExpertRole.MASKED:
            return ScaledRole(ExpertRole.WEIGHTS, found.factor)
        return found if isinstance(found, Stray) else Stray(term)

    def _added(self, term: Term) -> Given:
        return self._sum(term, *term.positional[:2]) if len(term.positional) == 2 else Stray(term)

    def _index_added(self, term: Term) -> Given:
        source = term.argument("source", 3)
        if source is None or term.argument("alpha", 4) is not None:
            return Stray(term)
        return self._sum(term, term.positional[0], source)

    def _sum(self, term: Term, *sides: Term) -> Given:
        parts = []
        for side in sides:
            found = self.part(side)
            if isinstance(found, Stray):
                return found
            parts.append(found)
        roles = {each.role for each in parts}
        factors = {each.factor for each in parts if each.role is not ExpertRole.EMPTY}
        if not roles <= {ExpertRole.EMPTY, ExpertRole.SUM, ExpertRole.WEIGHED} or len(factors) != 1:
            return Stray(term)
        return ScaledRole(ExpertRole.SUM, factors.pop())

    def _scattered(self, term: Term) -> Given:
        """Weights put at the index of their expert."""
        base, source = self.part(term.positional[0]), term.argument("src", 3)
        if source is None or not isinstance(base, ScaledRole) or base.role is not ExpertRole.EMPTY:
            return Stray(term)
        found = self.part(source)
        if isinstance(found, ScaledRole) and found.role is ExpertRole.WEIGHTS:
            return ScaledRole(ExpertRole.MASKED, found.factor)
        return found if isinstance(found, Stray) else Stray(term)

    def _zeros(self, term: Term) -> Given:
        return ScaledRole(ExpertRole.EMPTY)

    def _other(self, term: Term) -> Given:
        if term.op in _OTHER and term.positional:
            return self._activated(term, False, term.positional[0])
        return Stray(term)


def _in_halves(term: Term) -> bool:
    """Whether it is `chunk(2, -1)`, or `split` into halves of the last dimension."""
    source = term.positional[0]
    axis = term.argument("dim", 2)
    rank = len(source.shape) if source.shape is not None else 0
    if axis is None or axis.number not in (-1, rank - 1):
        return False
    if term.op == "chunk":
        count = term.argument("chunks", 1)
        return count is not None and count.number == 2
    width = source.shape[-1] if source.shape else None
    size = term.argument("split_size", 1) or term.argument("split_size_or_sections", 1)
    if size is None or not isinstance(width, int):
        return False
    if size.number is not None:
        return 2 * size.number == width
    sizes = [each.number for each in size.positional]
    return len(sizes) == 2 and sizes[0] == sizes[1] == width / 2


_RULES: Mapping[str, Callable[[ExpertLayer, Term], Given]] = {
    ITEM: ExpertLayer._item,
    LIBRARY: ExpertLayer._library,
    "linear": ExpertLayer._linear,
    "matmul": ExpertLayer._matmul,
    "mm": ExpertLayer._matmul,
    "silu": ExpertLayer._silu,
    "mul": ExpertLayer._product,
    "pow": ExpertLayer._power,
    "sum": ExpertLayer._total,
    "add": ExpertLayer._added,
    "index_add": ExpertLayer._index_added,
    "scatter": ExpertLayer._scattered,
    "zeros": ExpertLayer._zeros,
}
