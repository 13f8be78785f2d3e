"""Ops that keep the elements (to, float, type_as, clone, detach), and ops that overwrite them."""

from __future__ import annotations

from dataclasses import replace

from forgather_lint.libraries.dtypes import dtype_named, dtype_of, kind
from forgather_lint.libraries.operands import is_none, shape_of, tensor, tensor_op, value_op
from forgather_lint.libraries.propagation import Operand, Role, op_text, propagate
from forgather_lint.libraries.shapes import broadcast
from forgather_lint.libraries.torch.expansion import stretched
from forgather_lint.libraries.torch.filling import RANDOM, uniform
from forgather_lint.libraries.torch.strides import Strides, dense, is_dense, of_elementwise, unknown
from forgather_lint.python.interpreter.library import Op, Site
from forgather_lint.python.values.value import NONE, TensorValue, Unknown, Value, known


def cast_to(site: Site, source: TensorValue, dtype: str | None) -> TensorValue:
    """`source` as another dtype; in a narrower kind partial values no longer add up over ranks."""
    if dtype == source.dtype:
        return source
    narrows = dtype is None or source.dtype is None or kind(dtype) < kind(source.dtype)
    truncates = narrows and dtype is not None and kind(dtype) < 2
    role: Role = "argument" if truncates else "factor"
    labels = tuple(range(len(shape_of(source))))
    placement = propagate(site, [Operand(source, labels, role)], labels)
    made = replace(source, placement=placement, dtype=dtype, origin=site.where, is_parameter=False)
    return replace(made, strides=_of_copy(source))


def _of_copy(source: TensorValue) -> Strides | None:
    """The strides of a copy: those of the original, if that has no gaps."""
    if source.strides is None:
        return None
    known = is_dense(shape_of(source), source.strides)
    if known is None:
        return unknown(shape_of(source))
    return source.strides if known else dense(shape_of(source))


@tensor_op("Tensor.to")
def to(site: Site, input: Value, *given: Value, **options: Value) -> Value:
    """`x.to(torch.float32)`, `x.to(device)`, `x.to(y)`, `x.to(device=..., dtype=...)`"""
    source = tensor(site, input)
    target = source.dtype
    for argument in (*given, options.get("dtype", NONE), options.get("other", NONE)):
        if isinstance(argument, TensorValue):
            target = argument.dtype
        elif dtype_of(argument) is not None:
            target = dtype_of(argument)
        elif isinstance(argument, Unknown):
            target = None
    return cast_to(site, source, target)


@value_op("Tensor.type")
def type_(site: Site, input: Value, dtype: Value = NONE, **_: Value) -> Value:
    source = tensor(site, input)
    if not is_none(dtype):
        return cast_to(site, source, dtype_of(dtype))
    return site.unknown("tensor-type-name")


@tensor_op("Tensor.type_as")
def type_as(site: Site, input: Value, other: Value) -> Value:
    return cast_to(site, tensor(site, input), tensor(site, other, "other", 2).dtype)


def _casting(name: str) -> Op:
    def cast(site: Site, input: Value, **_: Value) -> Value:
        return cast_to(site, tensor(site, input), dtype_named(name))

    return cast


for _name in ("float", "half", "bfloat16", "double", "long", "int", "short", "bool"):
    tensor_op(f"Tensor.{_name}")(_casting(_name))


@tensor_op(
    "torch.clone",
    "torch.detach",
    "Tensor.clone",
    "Tensor.detach",
    "Tensor.pin_memory",
)
def clone(site: Site, input: Value, *_: Value, **__: Value) -> Value:
    source = tensor(site, input)
    copies = op_text(site) in ("clone", "pin_memory")
    if copies and source.strides is not None:
        source = replace(source, strides=of_elementwise(shape_of(source), [source]))
    return replace(source, is_parameter=False) if source.is_parameter else source


@tensor_op("Tensor.requires_grad_", "Tensor.detach_", "Tensor.cpu", "Tensor.cuda")
def itself(site: Site, input: Value, *_: Value, **__: Value) -> Value:
    """The tensor itself, so that a parameter stays one; so it is where it lies on that device."""
    return tensor(site, input)


@tensor_op("Tensor.copy_")
def copy_(site: Site, input: Value, src: Value, non_blocking: Value = NONE) -> Value:
    """The first tensor, with the elements of the second."""
    target, source = tensor(site, input), tensor(site, src, "src", 2)
    broadcast(shape_of(target), shape_of(source))
    copied = stretched(site, source, shape_of(target))
    return replace(copied, dtype=target.dtype)


@tensor_op("Tensor.fill_", "Tensor.zero_")
def fill_(site: Site, input: Value, value: Value = NONE) -> Value:
    """The tensor, with one number everywhere."""
    target = tensor(site, input)
    zeros = site.name == "Tensor.zero_" or value == known(0)
    return uniform(site, shape_of(target), target.dtype, zeros=zeros)


@tensor_op("Tensor.normal_", "Tensor.uniform_", "Tensor.bernoulli_", "Tensor.exponential_")
def random_(site: Site, input: Value, *_: Value, **__: Value) -> Value:
    target = tensor(site, input)
    return uniform(site, shape_of(target), target.dtype, undecided=RANDOM)
