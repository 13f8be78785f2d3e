"""Recognises RMS norms by what their forward computes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeGuard

import libcst as cst

from forgather_lint.core.port import port_of
from forgather_lint.documents.walk import all_below, of_kind
from forgather_lint.engines.common.forward_text import forward_of
from forgather_lint.execution.dataflow import Body, Step
from forgather_lint.python.interpreter.classes import find_member
from forgather_lint.python.interpreter.machine import Machine
from forgather_lint.python.values.objects import FunctionValue, Instance
from forgather_lint.python.values.value import External, Known, ValueId

NATIVE = "torch.nn.RMSNorm"


@port_of("vllm/model_executor/models/transformers/fusers/rms_norm.py", "RMSNormFuser.match")
def is_rms_norm(machine: Machine, module: Instance, body: Body | None, *, power: bool) -> bool:
    """Whether `module`, whose forward ran as `body`, is an RMS norm and nothing else.

    `power`: the release also recognises `** -0.5` in the place of `rsqrt`.
    """
    member = find_member(machine, module.cls, "forward")
    if member is not None and member.value == External(f"{NATIVE}.forward"):
        return True
    forward = forward_of(machine, module)
    if body is None or forward is None or not body.placeholders or not _has_one_input(forward):
        return False
    return body.peeled(body.result) in set(_last(body, power))


@port_of("vllm/model_executor/models/transformers/fusers/rms_norm.py", "_is_inverse_sqrt")
def is_inverse_root(body: Body, value: ValueId, given: ValueId, *, power: bool) -> bool:
    """Whether `value` is `rsqrt(mean(x ** 2) + epsilon)` of `given`, or with `** -0.5`.

    Casts aside.
    """
    root = body.made_by(body.peeled(value))
    if not made(root, "rsqrt") and not (power and made(root, "pow") and _exponent(root) == -0.5):
        return False
    total = body.made_by(body.peeled(root.inputs[0]))
    if not made(total, "add") or total.tensors != 1:
        return False
    means = [body.made_by(body.peeled(each)) for each in total.inputs]
    mean = next((step for step in means if made(step, "mean")), None)
    square = body.made_by(body.peeled(mean.inputs[0])) if mean is not None else None
    if made(square, "mul"):
        return all(body.peeled(each) == given for each in square.inputs)
    squares = made(square, "square") or (made(square, "pow") and _exponent(square) == 2)
    return squares and square is not None and body.peeled(square.inputs[0]) == given


def made(step: Step | None, *ops: str) -> TypeGuard[Step]:
    """Whether `step` is one of the `ops`, as a function, method or operator."""
    return step is not None and step.name.rpartition(".")[2] in ops


def _exponent(power: Step) -> float | None:
    """The exponent of a power, if it is a known number; else None."""
    found = power.arguments.all()[1:2]
    number = found[0].value if found and isinstance(found[0], Known) else None
    return float(number) if isinstance(number, int | float) else None


def _has_one_input(forward: FunctionValue) -> bool:
    """Whether it is `forward(self, x)`.

    `*args` and `**kwargs` do not count (`forward_input_count`).
    """
    parameters = forward.node.params
    return len([*parameters.posonly_params, *parameters.params, *parameters.kwonly_params]) == 2


def _last(body: Body, power: bool) -> Iterator[ValueId]:
    """The values that may be the result of a norm: normalized, and multiplied by a weight if any.

    Nothing may be computed behind it (`_has_trailing_compute`).
    """
    given = body.placeholders[0]
    for step in body.steps:
        if made(step, "rms_norm") and body.peeled(step.inputs[0]) == given:
            yield step.output
        elif made(step, "mul") and _takes_root(body, step, given, power):
            weighted = (
                other
                for other in body.steps
                if made(other, "mul")
                and other is not step
                and step.output in map(body.peeled, other.inputs)
            )
            last = next(weighted, step)
            yield last.output


def _takes_root(body: Body, step: Step, given: ValueId, power: bool) -> bool:
    return any(is_inverse_root(body, each, given, power=power) for each in step.inputs)


def adds_one(forward: FunctionValue) -> bool:
    """Whether the source has `1 + self.weight`, in either order, casts aside."""
    sums = (
        each
        for each in of_kind(all_below(forward.node), cst.BinaryOperation)
        if isinstance(each.operator, cst.Add)
    )
    return any({"1", "weight"} == {_term(each.left), _term(each.right)} for each in sums)


def _term(expression: cst.BaseExpression) -> str:
    if isinstance(expression, cst.Call) and isinstance(expression.func, cst.Attribute):
        return _term(expression.func.value)
    if isinstance(expression, cst.Integer | cst.Float):
        return "1" if float(expression.value) == 1 else ""
    return expression.attr.value if isinstance(expression, cst.Attribute) else ""
