"""Which modules vLLM takes for an RMS norm, told by what their forward computes.

A port of `RMSNormFuser.match` (vllm/model_executor/models/transformers/fusers/rms_norm.py, 0.28).
The data flow keeps no constants: the exponents 2 and -0.5 are not looked at.
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.flow.dataflow import Body, Step
from forgather_lint.flow.forward_text import definition_of
from forgather_lint.interp.machine import Machine
from forgather_lint.values.objects import Instance
from forgather_lint.values.value import External

NATIVE = "torch.nn.RMSNorm"
_SQUARES = frozenset({"Tensor.pow", "torch.pow", "operator.pow", "Tensor.square", "torch.square"})
_PRODUCTS = frozenset({"operator.mul", "torch.mul", "Tensor.mul"})
_INVERSE_ROOTS = frozenset({"torch.rsqrt", "Tensor.rsqrt"}) | _SQUARES
_MEANS = frozenset({"Tensor.mean", "torch.mean"})
_SUMS = frozenset({"operator.add", "torch.add", "Tensor.add"})
_NATIVE_OPS = frozenset({"torch.nn.functional.rms_norm", "torch.rms_norm"})


def is_rms_norm(machine: Machine, module: Instance, body: Body | None) -> bool:
    """Whether `module`, whose forward ran as `body`, is replaced by vLLM's RMS norm."""
    if isinstance(module.cls, External):
        return module.cls.name == NATIVE
    if body is None or not body.placeholders or not _has_one_input(machine, module):
        return False
    return body.peeled(body.result) in set(_normalized(body))


def _has_one_input(machine: Machine, module: Instance) -> bool:
    """`forward(self, x)`; what stars collect does not count (`forward_input_count`)."""
    forward = definition_of(machine, module)
    if forward is None:
        return False
    parameters = forward.params
    return len([*parameters.posonly_params, *parameters.params, *parameters.kwonly_params]) == 2


def _normalized(body: Body) -> Iterator[int]:
    """The values that may be the last of a norm: what is normalized, with its weight if it has one.

    Nothing may be computed behind it (`_has_trailing_compute`).
    """
    given = body.placeholders[0]
    for step in body.steps:
        if step.name in _NATIVE_OPS and body.peeled(step.inputs[0]) == given:
            yield step.output
        if step.name not in _PRODUCTS:
            continue
        if not any(_is_inverse_root(body, each, given) for each in step.inputs):
            continue
        weighted = next(_weighted(body, step), None)
        yield step.output if weighted is None else weighted.output


def _weighted(body: Body, normalized: Step) -> Iterator[Step]:
    for step in body.steps:
        is_product = step.name in _PRODUCTS and step is not normalized
        if is_product and normalized.output in map(body.peeled, step.inputs):
            yield step


def _is_inverse_root(body: Body, value: int, given: int) -> bool:
    """`rsqrt(mean(x ** 2) + eps)`, through casts."""
    root = body.made_by(body.peeled(value))
    if root is None or root.name not in _INVERSE_ROOTS:
        return False
    total = body.made_by(body.peeled(root.inputs[0]))
    if total is None or total.name not in _SUMS:
        return False
    means = (body.made_by(body.peeled(each)) for each in total.inputs)
    return any(
        mean is not None and mean.name in _MEANS and _is_square(body, mean.inputs[0], given)
        for mean in means
    )


def _is_square(body: Body, value: int, given: int) -> bool:
    square = body.made_by(body.peeled(value))
    if square is None:
        return False
    taken = [body.peeled(each) for each in square.inputs]
    if square.name in _PRODUCTS:
        return taken == [given, given]
    return square.name in _SQUARES and taken[:1] == [given]
