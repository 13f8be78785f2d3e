"""Ops that reduce dimensions: sum, mean, max, norm, any, argmax, cumsum."""

from __future__ import annotations

from forgather_lint.libraries.dtypes import dtype_of, kind, type_name_of
from forgather_lint.libraries.element_types import default_dtype
from forgather_lint.libraries.operands import (
    Shape,
    dimension,
    flag,
    integers,
    is_none,
    result,
    shape_of,
    tensor,
    tensor_op,
    value_op,
    wrapped,
)
from forgather_lint.libraries.propagation import Operand, Role, op_text, propagate
from forgather_lint.libraries.tokens import after_meeting
from forgather_lint.libraries.torch.elementwise import DtypeRule, elementwise
from forgather_lint.libraries.torch.pointwise import boolean, floating
from forgather_lint.python.interpreter.library import Op, OpFailure, Site
from forgather_lint.python.values.placement import Placement
from forgather_lint.python.values.value import (
    FALSE,
    NONE,
    Known,
    NamedTupleValue,
    TensorValue,
    TupleValue,
    Value,
)


def reduced(
    site: Site,
    source: TensorValue,
    axes: list[int],
    *,
    keep: bool = False,
    role: Role = "argument",
    sums: bool = False,
) -> tuple[Shape, Placement]:
    """Shape and placement of `source` with `axes` reduced (kept with size one if `keep`).

    `sums`: the values of the ranks add up to the value of the whole.
    """
    shape = shape_of(source)
    labels = tuple(range(len(shape)))
    if keep:
        names = tuple(f"reduced {dim}" if dim in axes else dim for dim in labels)
        sizes = tuple(1 if dim in axes else size for dim, size in enumerate(shape))
    else:
        names = tuple(dim for dim in labels if dim not in axes)
        sizes = tuple(shape[dim] for dim in labels if dim not in axes)
    whole = [] if sums else axes
    operands = [Operand(source, labels, role)]
    placement = propagate(site, operands, names, whole=whole)
    return sizes, after_meeting(site, operands, axes, placement)


def axes_of(site: Site, dim: Value, rank: int) -> list[int]:
    """The dimensions that `dim` names; all of them for None."""
    if is_none(dim):
        return list(range(rank))
    axes = [wrapped(each, rank) for each in integers(site, [dim])]
    for each in axes:
        if axes.count(each) > 1:
            text = f"dim {each} appears multiple times in the list of dims"
            raise OpFailure("RuntimeError", text)
    return axes if rank and axes else list(range(rank))


def _reduction(role: Role, rule: DtypeRule, *, sums: bool = False) -> Op:
    def reduction(
        site: Site,
        input: Value,
        dim: Value = NONE,
        keepdim: Value = FALSE,
        dtype: Value = NONE,
        **_: Value,
    ) -> Value:
        source = tensor(site, input)
        axes = axes_of(site, dim, len(shape_of(source)))
        shape, placement = reduced(site, source, axes, keep=flag(keepdim), role=role, sums=sums)
        target = rule(source.dtype, default_dtype(site)) if is_none(dtype) else dtype_of(dtype)
        return result(site, shape, placement, target)

    return reduction


def _counted(dtype: str | None, _: str) -> str | None:
    """The dtype of a sum: int64 for integers and truth values."""
    return dtype if dtype is None or kind(dtype) >= 2 else "int64"


def _averaged(dtype: str | None, _: str) -> str | None:
    """The dtype of a mean. Raises what torch does for integers and truth values."""
    if dtype is not None and kind(dtype) < 2:
        wanted = "Input dtype must be either a floating point or complex dtype"
        text = f"could not infer output dtype. {wanted}. Got: {type_name_of(dtype)}"
        raise OpFailure("RuntimeError", f"mean(): {text}")
    return dtype


def _place(dtype: str | None, _: str) -> str | None:
    """The dtype of a position. Raises what torch does for truth values."""
    if dtype == "bool":
        raise OpFailure("RuntimeError", "argmax(): does not support bool input")
    return "int64"


def _same(dtype: str | None, _: str) -> str | None:
    return dtype


def _names(short_names: str) -> list[str]:
    return [f"{place}.{name}" for name in short_names.split() for place in ("torch", "Tensor")]


tensor_op(*_names("sum nansum"))(_reduction("factor", _counted, sums=True))
tensor_op(*_names("mean nanmean"))(_reduction("factor", _averaged))
tensor_op(*_names("prod"))(_reduction("argument", _counted))
tensor_op(*_names("logsumexp"))(_reduction("argument", floating))
tensor_op(*_names("amax amin"))(_reduction("argument", _same))
tensor_op(*_names("any all"))(_reduction("argument", boolean))
tensor_op(*_names("argmax argmin"))(_reduction("argument", _place))


@tensor_op(*_names("count_nonzero"))
def count_nonzero(site: Site, input: Value, dim: Value = NONE) -> Value:
    source = tensor(site, input)
    axes = axes_of(site, dim, len(shape_of(source)))
    shape, placement = reduced(site, source, axes, sums=True)
    return result(site, shape, placement, "int64")


OF_NORM = "linalg.vector_norm: Expected a floating point or complex tensor as input. Got {type}"
_SPREAD = "std and var only support floating point and complex dtypes"


def require_reals(source: TensorValue, text: str) -> None:
    """Raise `text` for integers and truth values."""
    if source.dtype is not None and kind(source.dtype) < 2:
        raise OpFailure("RuntimeError", text.format(type=type_name_of(source.dtype)))


@tensor_op(*_names("var std"))
def var(
    site: Site,
    input: Value,
    dim: Value = NONE,
    unbiased: Value = NONE,
    keepdim: Value = FALSE,
    correction: Value = NONE,
) -> Value:
    """Variance; a truth value in the place of the dimension is the argument `unbiased`."""
    if isinstance(dim, Known) and isinstance(dim.value, bool):
        dim = NONE
    source = tensor(site, input)
    require_reals(source, _SPREAD)
    axes = axes_of(site, dim, len(shape_of(source)))
    shape, placement = reduced(site, source, axes, keep=flag(keepdim))
    return result(site, shape, placement, source.dtype)


@value_op("torch.var_mean", "torch.std_mean")
def var_mean(site: Site, input: Value, dim: Value = NONE, **options: Value) -> Value:
    source = tensor(site, input)
    require_reals(source, _SPREAD)
    axes = axes_of(site, dim, len(shape_of(source)))
    keep = flag(options.get("keepdim", FALSE))
    roles: tuple[Role, Role] = ("argument", "factor")
    found = [reduced(site, source, axes, keep=keep, role=role) for role in roles]
    return TupleValue(tuple(result(site, *each, source.dtype) for each in found))


@tensor_op("torch.norm", "Tensor.norm", "torch.linalg.norm", "torch.linalg.vector_norm")
def norm(
    site: Site,
    input: Value,
    p: Value = NONE,
    dim: Value = NONE,
    keepdim: Value = FALSE,
    dtype: Value = NONE,
    ord: Value = NONE,
) -> Value:
    source = tensor(site, input)
    if is_none(dtype):
        require_reals(source, OF_NORM)
    axes = axes_of(site, dim, len(shape_of(source)))
    shape, placement = reduced(site, source, axes, keep=flag(keepdim))
    return result(site, shape, placement, source.dtype if is_none(dtype) else dtype_of(dtype))


@value_op(*_names("max min"))
def maximum(
    site: Site, input: Value, dim: Value = NONE, keepdim: Value = FALSE, other: Value = NONE
) -> Value:
    """The largest of all, or along a dimension with its index, or of two tensors."""
    second = dim if isinstance(dim, TensorValue) else other
    if isinstance(second, TensorValue):
        return elementwise(site, [(input, "argument"), (second, "argument")])
    source = tensor(site, input)
    if is_none(dim):
        shape, placement = reduced(site, source, list(range(len(shape_of(source)))))
        return result(site, shape, placement, source.dtype)
    return values_and_indices(site, source, dim, keepdim)


@value_op(*_names("median mode nanmedian"))
def median(site: Site, input: Value, dim: Value = NONE, keepdim: Value = FALSE) -> Value:
    return maximum(site, input, dim, keepdim)


def values_and_indices(
    site: Site, source: TensorValue, dim: Value, keepdim: Value
) -> NamedTupleValue:
    """Values reduced along one dimension, and the indices at which they were found."""
    axis = dimension(dim, len(shape_of(source)))
    shape, placement = reduced(site, source, [axis], keep=flag(keepdim))
    return named(site, ("values", "indices"), shape, placement, (source.dtype, "int64"))


def named(
    site: Site,
    names: tuple[str, ...],
    shape: Shape,
    placement: Placement,
    dtypes: tuple[str | None, ...],
) -> NamedTupleValue:
    """A named tuple of results of one shape and placement."""
    results = tuple(result(site, shape, placement, dtype) for dtype in dtypes)
    return NamedTupleValue(results, names)


@tensor_op(*_names("cumsum cumprod logcumsumexp"), "Tensor.cumsum_")
def cumsum(site: Site, input: Value, dim: Value, dtype: Value = NONE) -> Value:
    source = tensor(site, input)
    placement = _along(site, source, dim, "factor" if op_text(site) == "cumsum" else "argument")
    target = _counted(source.dtype, default_dtype(site)) if is_none(dtype) else dtype_of(dtype)
    return result(site, shape_of(source), placement, target)


@value_op(*_names("cummax cummin"))
def cummax(site: Site, input: Value, dim: Value) -> Value:
    source = tensor(site, input)
    placement = _along(site, source, dim, "argument")
    shape = shape_of(source)
    return named(site, ("values", "indices"), shape, placement, (source.dtype, "int64"))


def _along(site: Site, source: TensorValue, dim: Value, role: Role) -> Placement:
    """The placement of an op that runs along a dimension and keeps it."""
    labels = tuple(range(len(shape_of(source))))
    axis = dimension(dim, len(labels))
    operands = [Operand(source, labels, role)]
    placement = propagate(site, operands, labels, whole=[axis])
    return after_meeting(site, operands, [axis], placement)
