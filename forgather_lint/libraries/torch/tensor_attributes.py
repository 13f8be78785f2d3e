"""What a tensor tells about itself: `x.shape`, `x.size(-1)`, `x.dtype`, `x.T`, `len(x)`."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from forgather_lint.libraries.devices import (
    DEVICE,
    GPU,
    META,
    device_named,
    device_of,
    shown_device,
)
from forgather_lint.libraries.dtypes import kind, part_of
from forgather_lint.libraries.nn.build import set_plain
from forgather_lint.libraries.operands import (
    Undetermined,
    dimension,
    is_none,
    result,
    shape_of,
    tensor,
    tensor_op,
    value_op,
)
from forgather_lint.libraries.propagation import Operand, propagate
from forgather_lint.libraries.shapes import numel
from forgather_lint.libraries.torch.permute import matrix_transpose, permuted
from forgather_lint.python.interpreter.library import Op, OpFailure, Site, op
from forgather_lint.python.values import dims
from forgather_lint.python.values.objects import Instance
from forgather_lint.python.values.placement import Replicate
from forgather_lint.python.values.value import (
    FALSE,
    NONE,
    External,
    Known,
    SymbolicInt,
    TensorValue,
    TupleValue,
    Value,
    integer,
    known,
)

if TYPE_CHECKING:
    from forgather_lint.python.interpreter.machine import Machine


@value_op("Tensor.shape.get")
def shape(site: Site, input: Value) -> Value:
    """The sizes on a rank; a `torch.Size` is a tuple."""
    return TupleValue(tuple(map(integer, shape_of(tensor(site, input)))))


@value_op("Tensor.size")
def size(site: Site, input: Value, dim: Value = NONE) -> Value:
    if is_none(dim):
        return shape(site, input)
    sizes = shape_of(tensor(site, input))
    return integer(sizes[dimension(dim, len(sizes))])


@value_op("Tensor.ndim.get", "Tensor.dim", "Tensor.ndimension")
def ndim(site: Site, input: Value) -> Value:
    return known(len(shape_of(tensor(site, input))))


@value_op("Tensor.numel", "Tensor.nelement", "torch.numel")
def element_count(site: Site, input: Value) -> Value:
    return integer(numel(shape_of(tensor(site, input))))


@value_op("Tensor.__len__")
def length(site: Site, input: Value) -> Value:
    sizes = shape_of(tensor(site, input))
    if not sizes:
        raise OpFailure("TypeError", "len() of a 0-d tensor")
    return integer(sizes[0])


@value_op("Tensor.dtype.get")
def dtype(site: Site, input: Value) -> Value:
    name = tensor(site, input).dtype
    return site.unknown("unknown-dtype") if name is None else External(f"torch.{name}")


@value_op("Tensor.device.get")
def device(site: Site, input: Value) -> Value:
    """A GPU, as engines run models there; while a model is built, it may be another device."""
    machine = cast("Machine", site.evaluator)
    if not machine.environment.building:
        return device_named("cuda:0", site.where)
    return shown_device(machine, input, site.where) or site.unknown("unknown-device")


@value_op("torch.device")
def device_by_name(site: Site, type: Value, index: Value = NONE) -> Value:
    """`torch.device("cuda:0")`, `torch.device("cuda", 0)`, `torch.device(x.device)`"""
    if isinstance(type, Instance) and type.cls == DEVICE:
        return type
    if not isinstance(type, Known) or not isinstance(type.value, str):
        return site.unknown("unknown-device")
    named = device_named(type.value, site.where)
    if not is_none(index):
        set_plain(site, named, index=index)
    return named


@value_op("Tensor.is_meta.get", "Tensor.is_cuda.get")
def is_on(site: Site, input: Value) -> Value:
    machine = cast("Machine", site.evaluator)
    asked = META if site.name == "Tensor.is_meta.get" else GPU
    if not machine.environment.building:
        return known(asked != META)
    found = device_of(machine, input)
    return known(found == asked) if found else site.unknown("unknown-device")


@value_op("Tensor.is_floating_point", "torch.is_floating_point")
def is_floating_point(site: Site, input: Value) -> Value:
    name = tensor(site, input).dtype
    return _truth(site, None if name is None else kind(name) == 2)


@value_op("Tensor.is_complex", "torch.is_complex")
def is_complex(site: Site, input: Value) -> Value:
    name = tensor(site, input).dtype
    return _truth(site, None if name is None else kind(name) == 3)


def _truth(site: Site, answer: bool | None) -> Value:
    return site.unknown("unknown-dtype") if answer is None else known(answer)


@tensor_op("Tensor.data.get")
def data(site: Site, input: Value) -> Value:
    source = tensor(site, input)
    return TensorValue(source.shape, source.placement, source.dtype, source.origin)


@tensor_op("Tensor.T.get")
def transposed(site: Site, input: Value) -> Value:
    source = tensor(site, input)
    return permuted(site, source, range(len(shape_of(source)))[::-1])


@tensor_op("Tensor.mT.get", "Tensor.H.get", "Tensor.mH.get")
def matrix_transposed(site: Site, input: Value) -> Value:
    return matrix_transpose(site, input)


@tensor_op("Tensor.real.get", "Tensor.imag.get", "torch.real", "torch.imag")
def real(site: Site, input: Value) -> Value:
    """The real or imaginary part of complex numbers, which is linear in them."""
    source = tensor(site, input)
    labels = tuple(range(len(shape_of(source))))
    placement = propagate(site, [Operand(source, labels)], labels)
    return result(site, shape_of(source), placement, part_of(source.dtype))


def _always(answer: Value) -> Op:
    def attribute(site: Site, input: Value) -> Value:
        return answer

    return attribute


for _name, _answer in (
    ("is_nested", FALSE),
    ("is_sparse", FALSE),
    ("is_quantized", FALSE),
    ("grad", NONE),
    ("grad_fn", NONE),
    ("layout", External("torch.strided")),
):
    op(f"Tensor.{_name}.get")(_always(_answer))


@op("Tensor.requires_grad.get")
def requires_grad(site: Site, input: Value) -> Value:
    """Nothing is trained; whether a parameter could be is for its host to say."""
    is_parameter = isinstance(input, TensorValue) and input.is_parameter
    return site.unknown("requires-grad") if is_parameter else FALSE


@value_op("Tensor.item", "Tensor.__int__", "Tensor.__index__")
def item(site: Site, self: Value) -> Value:
    """The single number in a tensor, unknown; for an integer on all ranks, an unknown integer."""
    source = tensor(site, self)
    is_integer = source.dtype is not None and kind(source.dtype) == 1
    if not is_integer or not isinstance(source.placement, Replicate):
        raise Undetermined("data-dependent")
    return SymbolicInt(dims.anything(f"item at {site.where.span}"))


@value_op(
    "Tensor.tolist",
    "Tensor.numpy",
    "Tensor.__bool__",
    "Tensor.__float__",
    "Tensor.__contains__",
    "torch.equal",
    "torch.allclose",
    "torch.is_nonzero",
    "torch.unique",
    "Tensor.unique",
    "torch.unique_consecutive",
)
def contents(site: Site, *arguments: Value, **options: Value) -> Value:
    """An unknown value that depends on the numbers in a tensor."""
    raise Undetermined("data-dependent")
