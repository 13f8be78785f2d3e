"""Ops that make tensors of equal or random elements: zeros, ones, full, rand, randint."""

from __future__ import annotations

from dataclasses import replace

from forgather_lint.libraries.dtypes import dtype_of, dtype_of_number
from forgather_lint.libraries.element_types import default_dtype
from forgather_lint.libraries.operands import (
    NO_SIZES,
    Shape,
    Undetermined,
    is_none,
    is_number,
    number_operand,
    reason_of,
    shape_of,
    sizes,
    tensor,
    tensor_op,
)
from forgather_lint.libraries.propagation import Operand, absorb, placement_of_uniform, propagate
from forgather_lint.libraries.torch.strides import of_elementwise
from forgather_lint.python.interpreter.dispatch import machine_of
from forgather_lint.python.interpreter.library import Op, OpFailure, Site
from forgather_lint.python.values import dims
from forgather_lint.python.values.placement import ZEROS, Undecided
from forgather_lint.python.values.value import NONE, Known, SymbolicInt, TensorValue, Value


def dtype_or(dtype: Value, otherwise: str | None) -> str | None:
    """The dtype given as the argument `dtype`, or `otherwise` when none was given."""
    if is_none(dtype):
        return otherwise
    if isinstance(dtype, Known):
        named = type(dtype.value).__name__
        raise OpFailure("TypeError", f"argument 'dtype' must be torch.dtype, not {named}")
    return dtype_of(dtype)


RANDOM = "random-values"
EMPTY = "uninitialised-values"


def uniform(
    site: Site, shape: Shape, dtype: str | None, *, zeros: bool = False, undecided: str = ""
) -> TensorValue:
    """A tensor of equal elements, of which any part is a smaller one of the kind.

    `undecided` is the reason where the elements are not known. Uninitialised tensors count as known
    in a constructor, as the checkpoint fills them.
    """
    for size in shape:
        if size is not None and dims.compare(size, 0) == -1:
            text = f"{_op_name(site)}: Dimension size must be non-negative."
            raise OpFailure("RuntimeError", text)
    placement = placement_of_uniform(site, shape)
    if undecided and not (undecided == EMPTY and machine_of(site).environment.building):
        placement = absorb([placement, Undecided(undecided, site.where)]) or placement
    tags = frozenset([ZEROS] if zeros else [])
    return TensorValue(shape, placement, dtype, site.where, tags=tags)


def _op_name(site: Site) -> str:
    return site.name.rpartition(".")[2]


def _filling(zeros: bool, undecided: str) -> tuple[Op, Op, Op]:
    def by_sizes(site: Site, *size: Value, dtype: Value = NONE, **factory: Value) -> Value:
        given = size or (factory.get("size", NO_SIZES),)
        shape = tuple(sizes(site, given))
        return uniform(
            site, shape, dtype_or(dtype, default_dtype(site)), zeros=zeros, undecided=undecided
        )

    def like(site: Site, input: Value, dtype: Value = NONE, **_: Value) -> Value:
        source = tensor(site, input)
        target = dtype_or(dtype, source.dtype)
        made = uniform(site, shape_of(source), target, zeros=zeros, undecided=undecided)
        return replace(made, strides=of_elementwise(shape_of(source), [source]))

    def method(
        site: Site, input: Value, *size: Value, dtype: Value = NONE, **factory: Value
    ) -> Value:
        given = size or (factory.get("size", NO_SIZES),)
        target = dtype_or(dtype, tensor(site, input).dtype)
        shape = tuple(sizes(site, given))
        return uniform(site, shape, target, zeros=zeros, undecided=undecided)

    return by_sizes, like, method


for _name, _zeros, _undecided in (
    ("zeros", True, ""),
    ("ones", False, ""),
    ("empty", False, EMPTY),
    ("rand", False, RANDOM),
    ("randn", False, RANDOM),
):
    _by_sizes, _like, _method = _filling(_zeros, _undecided)
    tensor_op(f"torch.{_name}")(_by_sizes)
    tensor_op(f"torch.{_name}_like")(_like)
    if _undecided != RANDOM:
        tensor_op(f"Tensor.new_{_name}")(_method)


@tensor_op("torch.full", "torch.full_like", "Tensor.new_full")
def full(site: Site, *given: Value, dtype: Value = NONE, **factory: Value) -> Value:
    """`torch.full((2, 3), 0.5)`, `torch.full_like(x, 0.5)`, `x.new_full((2, 3), 0.5)`"""
    named = [factory[name] for name in ("input", "size") if name in factory]
    arguments = [*named, *given]
    first = arguments[0] if arguments else NONE
    source = tensor(site, arguments.pop(0)) if isinstance(first, TensorValue) else None
    if source is not None and site.name.endswith("_like"):
        shape = shape_of(source)
    else:
        shape = tuple(sizes(site, [arguments.pop(0) if arguments else NONE]))
    if not arguments and "fill_value" not in factory:
        text = 'missing 1 required positional arguments: "fill_value"'
        raise OpFailure("TypeError", f"{_op_name(site)}() {text}")
    value = arguments[0] if arguments else factory["fill_value"]
    known = dtype_of_number(value, default_dtype(site)) if is_number(value) else None
    made = uniform(site, shape, dtype_or(dtype, source.dtype if source else known))
    if isinstance(value, Known):
        return made
    if not isinstance(value, SymbolicInt | TensorValue):
        return replace(made, placement=Undecided(reason_of(value), site.where))
    filled = propagate(site, [Operand(number_operand(site, value), (), "argument")], ())
    placement = absorb([filled]) or made.placement
    return TensorValue(made.shape, placement, made.dtype, site.where)


@tensor_op("torch.normal")
def normal(site: Site, mean: Value, std: Value = NONE, size: Value = NONE, **_: Value) -> Value:
    """`torch.normal(0.0, 1.0, size=(2, 3))`"""
    if is_none(size):
        raise Undetermined(RANDOM)
    return uniform(site, tuple(sizes(site, [size])), default_dtype(site), undecided=RANDOM)


@tensor_op("torch.randint", "torch.randperm", "torch.multinomial", "torch.bernoulli")
def random_numbers(site: Site, *arguments: Value, **factory: Value) -> Value:
    raise Undetermined(RANDOM)
