"""Ops that arrange the elements in other sizes, in the same order: view, reshape, flatten, squeeze.

A part of a tensor stays a part when the sharded dimension is the leftmost of the factors that it is
split into or merged from: 96 of 192 features are 4 heads of 24 out of 8, never 8 heads of 12.
"""

from __future__ import annotations

from dataclasses import replace

from forgather_lint.facts.causes.placement import HeadsMixed, PartMisused
from forgather_lint.libraries.dtypes import complex_of, dtype_of, part_of
from forgather_lint.libraries.operands import (
    LAST,
    ZERO,
    Shape,
    Undetermined,
    dimension,
    integers,
    is_none,
    plain_integer,
    result,
    shape_of,
    sizes,
    tensor,
    tensor_op,
    wrapped,
)
from forgather_lint.libraries.propagation import (
    Operand,
    absorb,
    propagate,
    since,
)
from forgather_lint.libraries.shapes import is_one, one_on_rank, shape_text
from forgather_lint.libraries.tokens import holds_states, regroups_tokens
from forgather_lint.libraries.torch.regrouping import (
    Sizes,
    fill_inferred,
    regroup,
    with_symbols,
    without_symbols,
)
from forgather_lint.libraries.torch.rows_apart import copied, regrouped
from forgather_lint.libraries.torch.strides import dense, laid, strides_of, unknown, viewed
from forgather_lint.python.interpreter.library import OpFailure, Site
from forgather_lint.python.values import dims
from forgather_lint.python.values.placement import (
    Placement,
    Shard,
    Undecided,
    Wrong,
)
from forgather_lint.python.values.value import NONE, External, TensorValue, Unknown, Value


@tensor_op("Tensor.view", "Tensor.reshape", "torch.reshape", "torch.Tensor.view")
def view(site: Site, input: Value, *shape: Value, **given: Value) -> Value:
    """`x.view(batch, -1, 24)`, or with the sizes in one tuple, or a dtype."""
    source = tensor(site, input)
    target = shape or tuple(given.values())
    if isinstance(target[0], External):
        return view_as_dtype(site, source, target[0])
    made = reshaped(site, source, tuple(sizes(site, target)))
    if site.name.endswith(".view"):
        _check_memory(site, source, made)
    return made


@tensor_op("Tensor.view_as", "Tensor.reshape_as")
def view_as(site: Site, input: Value, other: Value) -> Value:
    source = tensor(site, input)
    made = reshaped(site, source, shape_of(tensor(site, other, "other", 2)))
    if site.name == "Tensor.view_as":
        _check_memory(site, source, made)
    return made


def _check_memory(site: Site, source: TensorValue, made: TensorValue) -> None:
    """Raise what torch does where no strides show `source` in the shape of `made`.

    Where that is not known, the run goes on and is not proved.
    """
    if source.strides is None or source.shape is None or made.shape is None:
        return
    found = viewed(source.shape, strides_of(source), made.shape)
    if found is False:
        raise OpFailure("RuntimeError", _NO_VIEW)
    if found is True:
        site.evaluator.leave_unproved(Unknown("view-of-unknown-strides", site.where))


_NO_VIEW = (
    "view size is not compatible with input tensor's size and stride (at least one dimension spans "
    "across two contiguous subspaces). Use .reshape(...) instead."
)


@tensor_op("torch.flatten", "Tensor.flatten", "torch.ravel", "Tensor.ravel")
def flatten(site: Site, input: Value, start_dim: Value = ZERO, end_dim: Value = LAST) -> Value:
    source = tensor(site, input)
    shape = shape_of(source)
    first, last = dimension(start_dim, len(shape)), dimension(end_dim, len(shape))
    if first > last:
        raise OpFailure(
            "RuntimeError", "flatten() has invalid args: start_dim cannot come after end_dim"
        )
    known = with_symbols(shape)
    merged = dims.product(known[first : last + 1])
    return reshaped(site, source, (*known[:first], merged, *known[last + 1 :]))


@tensor_op("torch.unflatten", "Tensor.unflatten")
def unflatten(site: Site, input: Value, dim: Value, *given: Value, **named: Value) -> Value:
    source = tensor(site, input)
    shape = shape_of(source)
    axis = dimension(dim, len(shape))
    parts = tuple(sizes(site, given or tuple(named.values())))
    known = with_symbols(shape)
    try:
        return reshaped(site, source, (*known[:axis], *parts, *known[axis + 1 :]))
    except OpFailure as failure:
        text = (
            f"unflatten: Provided sizes {shape_text(parts)} don't multiply up to the size of dim "
            f"{axis} ({shape_text(shape[axis : axis + 1])[1:-1]}) in the input tensor"
        )
        raise OpFailure("RuntimeError", text) from failure


@tensor_op("torch.squeeze", "Tensor.squeeze", "Tensor.squeeze_")
def squeeze(site: Site, input: Value, dim: Value = NONE) -> Value:
    """Drops dimensions that have size one on the rank."""
    source = tensor(site, input)
    shape = shape_of(source)
    candidates = _squeezable(site, dim, len(shape))
    if any(shape[each] is None for each in candidates):
        raise Undetermined("unknown-size")
    dropped = {each for each in candidates if one_on_rank(shape[each])}
    kept = tuple(each for each in range(len(shape)) if each not in dropped)
    reason = "drops a dimension of size one that is larger in the whole model"
    placement = propagate(
        site,
        [Operand(source, tuple(range(len(shape))))],
        kept,
        whole=dropped,
        wrong=PartMisused(reason),
    )
    made = result(site, tuple(shape[each] for each in kept), placement, source.dtype)
    return laid(made, tuple(strides_of(source)[each] for each in kept), source)


def _squeezable(site: Site, dim: Value, rank: int) -> list[int]:
    if is_none(dim):
        return list(range(rank))
    return [wrapped(each, rank) for each in integers(site, [dim])]


@tensor_op("torch.unsqueeze", "Tensor.unsqueeze", "Tensor.unsqueeze_")
def unsqueeze(site: Site, input: Value, dim: Value) -> Value:
    source = tensor(site, input)
    known = with_symbols(shape_of(source))
    at = wrapped(plain_integer(dim), len(known) + 1)
    return reshaped(site, source, (*known[:at], 1, *known[at:]))


@tensor_op("torch.view_as_complex")
def view_as_complex(site: Site, input: Value) -> Value:
    """(..., 2) real numbers as (...) complex ones."""
    source = tensor(site, input)
    shape = shape_of(source)
    last = dims.local(shape[-1] or 0) if shape else 0
    if last != 2 and (isinstance(last, int) or not one_on_rank(dims.floor_divide(last, 2))):
        text = "Tensor must have a last dimension of size 2"
        raise OpFailure("RuntimeError", text)
    labels = tuple(range(len(shape)))
    placement = propagate(site, [Operand(source, labels)], labels[:-1], whole=labels[-1:])
    return result(site, shape[:-1], placement, complex_of(source.dtype))


@tensor_op("torch.view_as_real")
def view_as_real(site: Site, input: Value) -> Value:
    source = tensor(site, input)
    return result(site, (*shape_of(source), 2), source.placement, part_of(source.dtype))


@tensor_op("Tensor.contiguous", "Tensor.resolve_conj", "Tensor.resolve_neg")
def contiguous(site: Site, input: Value, **_: Value) -> Value:
    return replace(copied(tensor(site, input)), strides=None)


def view_as_dtype(site: Site, source: TensorValue, dtype: External) -> Value:
    """The same bytes as another dtype; the same number of elements if both are equally wide."""
    shape, name = shape_of(source), dtype_of(dtype)
    if name is None or source.dtype is None or name[-2:] != source.dtype[-2:]:
        raise Undetermined("view-as-dtype")
    return result(site, shape, source.placement, name)


def reshaped(site: Site, source: TensorValue, target: Shape) -> TensorValue:
    """`source` with the sizes `target`, of which one may be -1 and some unknown.

    Raises torch's RuntimeError when the elements do not fit on a rank.
    """
    if None in target:
        return _of_unknown_sizes(site, source, target)
    shape = with_symbols(shape_of(source))
    known = tuple(size for size in target if size is not None)
    full = fill_inferred(shape, known)
    elements = source.viewed or source
    before = with_symbols(shape_of(elements))
    placement = _placement_of_view(site, elements.placement, before, full)
    settled = isinstance(placement, Undecided | Wrong)
    if not settled and holds_states(source) and regroups_tokens(shape, full):
        placement = Undecided("tokens-regrouped", site.where)
    made = result(site, without_symbols(full), placement, source.dtype)
    made = regrouped(source, made, shape_of(source), without_symbols(full))
    made = _shown(source, made)
    broken = isinstance(placement, Wrong) and not isinstance(elements.placement, Wrong)
    return replace(made, viewed=elements) if broken else made


def _shown(source: TensorValue, made: TensorValue) -> TensorValue:
    """`made` as a view of `source`, or as a copy where there is no such view."""
    if source.strides is None or made.shape is None:
        return made
    found = viewed(shape_of(source), strides_of(source), made.shape)
    if found is False:
        return replace(made, strides=dense(made.shape))
    return laid(made, unknown(made.shape) if found is True else found, source)


def _of_unknown_sizes(site: Site, source: TensorValue, target: Shape) -> TensorValue:
    placement = absorb([source.placement, Undecided("unknown-size", site.where)])
    assert placement is not None
    shape = tuple(None if size == -1 else size for size in target)
    return result(site, shape, placement, source.dtype)


def _placement_of_view(site: Site, placement: Placement, shape: Sizes, target: Sizes) -> Placement:
    if isinstance(placement, Wrong | Undecided):
        return placement
    if not isinstance(placement, Shard):
        if not any(map(dims.depends_on_rank, target)):
            return placement
        reason = "splits a whole tensor by the sizes of a part"
        return Wrong(HeadsMixed(reason), site.where, since(placement))
    if None in without_symbols(target):
        return Undecided("unknown-size", site.where)
    if dims.product(shape) != dims.product(target):
        return Undecided("size-of-a-part-in-the-code", site.where)
    return _placement_of_part(site, placement, shape, target)


def _placement_of_part(site: Site, placement: Shard, shape: Sizes, target: Sizes) -> Placement:
    groups = regroup(shape, target)
    if groups is None:
        return Undecided("symbolic-size", site.where)
    source, held = next(group for group in groups if placement.dim in group.source)
    outermost = next((dim for dim in source if not is_one(shape[dim])), None)
    part = next((dim for dim in held if not is_one(target[dim])), None)
    if outermost == placement.dim and part is not None and dims.depends_on_rank(target[part]):
        if placement.blocks != 1 and target[part] != shape[placement.dim]:
            return Undecided("view-of-packed-dimension", site.where)
        return Shard(part, placement.since, placement.blocks)
    text = f"{shape_text(target)} does not cut the features of a rank where the whole model does"
    return Wrong(HeadsMixed(text), site.where, placement.since)
