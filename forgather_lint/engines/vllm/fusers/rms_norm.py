"""Which modules vLLM takes for an RMS norm, told by what their forward computes.

A port of `RMSNormFuser.match` (vllm/model_executor/models/transformers/fusers/rms_norm.py, 0.28).
The data flow keeps no constants: exponents are read from the text of the forward.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeGuard

import libcst as cst

from forgather_lint.documents.walk import descendants
from forgather_lint.engines.vllm.fusers.forward_text import forward_of
from forgather_lint.execution.dataflow import Body, Step
from forgather_lint.python.interpreter.machine import Machine
from forgather_lint.python.values.objects import FunctionValue, Instance
from forgather_lint.python.values.value import External, ValueId

NATIVE = "torch.nn.RMSNorm"
_SQUARES = ("pow", "square", "mul")
_EMPTY = cst.Module([])


def is_rms_norm(machine: Machine, module: Instance, body: Body | None, *, power: bool) -> bool:
    """Whether `module`, whose forward ran as `body`, is replaced by vLLM's RMS norm.

    `power`: the release knows the power of -0.5 beside `rsqrt`.
    """
    if isinstance(module.cls, External):
        return module.cls.name == NATIVE
    forward = forward_of(machine, module)
    if body is None or forward is None or not body.placeholders or not _has_one_input(forward):
        return False
    known = {2.0, -0.5} if power else {2.0}
    return exponents(forward) <= known and body.peeled(body.result) in set(_last(body))


def is_inverse_root(body: Body, value: ValueId, given: ValueId) -> bool:
    """`rsqrt(mean(x ** 2) + epsilon)` of the input, or that to the power of -0.5; through casts."""
    root = body.made_by(body.peeled(value))
    total = body.made_by(body.peeled(root.inputs[0])) if made(root, "rsqrt", "pow") else None
    if not made(total, "add") or total.tensors != 1:
        return False
    means = [body.made_by(body.peeled(each)) for each in total.inputs]
    mean = next((step for step in means if made(step, "mean")), None)
    square = body.made_by(body.peeled(mean.inputs[0])) if mean is not None else None
    if not made(square, *_SQUARES):
        return False
    squared = square.inputs if made(square, "mul") else square.inputs[:1]
    return all(body.peeled(each) == given for each in squared)


def exponents(forward: FunctionValue) -> set[float | None]:
    """`n` of every `x ** n` and `x.pow(n)`; None for what is not written as a number."""
    found = map(_exponent, descendants(forward.node))
    return {_number(each) for each in found if each is not None}


def _number(node: cst.BaseExpression) -> float | None:
    try:
        return float(_EMPTY.code_for_node(node).replace(" ", ""))
    except ValueError:
        return None


def made(step: Step | None, *ops: str) -> TypeGuard[Step]:
    """Whether `step` is one of the `ops`, as a function, a method or an operator."""
    return step is not None and step.name.rpartition(".")[2] in ops


def _exponent(node: cst.CSTNode) -> cst.BaseExpression | None:
    if isinstance(node, cst.BinaryOperation) and isinstance(node.operator, cst.Power):
        return node.right
    if isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute) and node.args:
        return node.args[-1].value if node.func.attr.value == "pow" else None
    return None


def _has_one_input(forward: FunctionValue) -> bool:
    """`forward(self, x)`; what stars collect does not count (`forward_input_count`)."""
    parameters = forward.node.params
    return len([*parameters.posonly_params, *parameters.params, *parameters.kwonly_params]) == 2


def _last(body: Body) -> Iterator[ValueId]:
    """The values that may be the last of a norm: what is normalized, with its weight if it has one.

    Nothing may be computed behind it (`_has_trailing_compute`).
    """
    given = body.placeholders[0]
    for step in body.steps:
        if made(step, "rms_norm") and body.peeled(step.inputs[0]) == given:
            yield step.output
        elif made(step, "mul") and any(is_inverse_root(body, x, given) for x in step.inputs):
            weighted = (
                other
                for other in body.steps
                if made(other, "mul")
                and other is not step
                and step.output in map(body.peeled, other.inputs)
            )
            last = next(weighted, step)
            yield last.output
