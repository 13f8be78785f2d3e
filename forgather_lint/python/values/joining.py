"""Whether two values are the same, and the join of several values: one that may be any of them."""

from __future__ import annotations

from collections.abc import Iterable

from forgather_lint.python.values.dims import Size
from forgather_lint.python.values.objects import Instance
from forgather_lint.python.values.placement import (
    ZEROS,
    Partial,
    Placement,
    Replicate,
    Undecided,
    Wrong,
)
from forgather_lint.python.values.value import (
    ABSENT,
    Choice,
    External,
    Known,
    NamedTupleValue,
    SymbolicInt,
    TensorValue,
    TupleValue,
    Unknown,
    Value,
)

MOST_OPTIONS = 4
_MOST_COMPARED = 200


def join(values: Iterable[Value]) -> Value:
    """The value that may be any of `values`; equal ones count once."""
    options: list[Value] = []
    for value in values:
        for option in value.options if isinstance(value, Choice) else (value,):
            if not any(same(option, other) for other in options):
                options.append(option)
        if len(options) > _MOST_COMPARED:
            return Unknown("many-options")
    if len(options) > 1 and all(_is_computed(option) for option in options):
        return _join_tensors([option for option in options if isinstance(option, TensorValue)])
    unknown = next((option for option in options if isinstance(option, Unknown)), None)
    if unknown is not None and len(options) > 1 and not _worth_keeping(options):
        return unknown
    if len(options) == 1:
        return options[0]
    return Choice(tuple(options)) if len(options) <= MOST_OPTIONS else Unknown("many-options")


def may_be_absent(value: Value) -> bool:
    """Whether only one of two branches has set what holds `value`."""
    return isinstance(value, Choice) and ABSENT in value.options


def where_set(value: Choice) -> Value:
    """What `value` is where it was set at all (see `may_be_absent`)."""
    return join(option for option in value.options if option is not ABSENT)


def _is_computed(value: Value) -> bool:
    return isinstance(value, TensorValue) and not value.is_parameter


def _join_tensors(tensors: list[TensorValue]) -> Value:
    """A tensor that may be any of `tensors`: what they agree on, with the worst placement."""
    first = tensors[0]
    placements = _without_zeros(tensors)
    open_ = next((each for each in placements if isinstance(each, Undecided)), None)
    wrong = next((each for each in placements if isinstance(each, Wrong)), open_)
    agreed = all(each == placements[0] for each in placements)
    return TensorValue(
        shape=_join_shapes([tensor.shape for tensor in tensors]),
        placement=wrong or (placements[0] if agreed else Undecided("placement-by-condition")),
        dtype=first.dtype if all(t.dtype == first.dtype for t in tensors) else None,
        origin=first.origin,
        tags=frozenset.intersection(*(each.tags for each in tensors)),
    )


def _without_zeros(tensors: list[TensorValue]) -> list[Placement]:
    """The placements to be joined: a tensor of zeros also counts as a partial sum."""
    others = [each.placement for each in tensors if ZEROS not in each.tags]
    zeros = [each.placement for each in tensors if ZEROS in each.tags]
    is_sum = any(isinstance(placement, Partial) for placement in others)
    if is_sum and all(isinstance(placement, Replicate) for placement in zeros):
        return others
    return [tensor.placement for tensor in tensors]


Shape = tuple[Size | None, ...] | None


def _join_shapes(shapes: list[Shape]) -> Shape:
    known = [shape for shape in shapes if shape is not None]
    if len(known) != len(shapes) or len({len(shape) for shape in known}) != 1:
        return None
    columns = zip(*known, strict=True)
    return tuple(column[0] if len(set(column)) == 1 else None for column in columns)


def _worth_keeping(options: list[Value]) -> bool:
    return any(isinstance(option, Instance) for option in options)


def same(left: Value, right: Value) -> bool:
    """Whether the two surely are the same value."""
    if left is right:
        return True
    if isinstance(left, Known) and isinstance(right, Known):
        return type(left.value) is type(right.value) and left.value == right.value
    if isinstance(left, TensorValue) and isinstance(right, TensorValue):
        return _same_tensor(left, right)
    if isinstance(left, TupleValue) and isinstance(right, TupleValue):
        return _same_tuples(left, right)
    return isinstance(left, SymbolicInt | External) and left == right


def _same_tuples(left: TupleValue, right: TupleValue) -> bool:
    """Whether the items are the same.

    A pair of tuples that recurs inside itself is compared once.
    """
    waiting, met = [(left, right)], {(left, right)}
    while waiting:
        one, other = waiting.pop()
        if len(one.items) != len(other.items) or _class_of(one) is not _class_of(other):
            return False
        for pair in zip(one.items, other.items, strict=True):
            match pair:
                case TupleValue() as inner, TupleValue() as inner_other:
                    if inner is not inner_other and (inner, inner_other) not in met:
                        met.add((inner, inner_other))
                        waiting.append((inner, inner_other))
                case _:
                    if not same(*pair):
                        return False
    return True


def _class_of(value: TupleValue) -> Value | None:
    return value.cls if isinstance(value, NamedTupleValue) else None


def _same_tensor(left: TensorValue, right: TensorValue) -> bool:
    if left.is_parameter or right.is_parameter:
        return False
    return (
        left.shape is not None
        and left.shape == right.shape
        and left.placement == right.placement
        and left.dtype == right.dtype
        and left.tags == right.tags
    )
