"""Reading the arguments of a call: tensors, sizes, dimensions and flags.

An op whose result depends on an unknown argument raises `Undetermined`, which `tensor_op` and
`value_op` turn into an unknown result.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import replace

from forgather_lint.facts.causes.placement import PartMisused
from forgather_lint.libraries.dtypes import dtype_of_number
from forgather_lint.libraries.element_types import default_dtype
from forgather_lint.libraries.propagation import PART_SIZE, absorb, consistent, op_text
from forgather_lint.python.interpreter.library import Op, OpFailure, Site, op
from forgather_lint.python.values import dims, type_names
from forgather_lint.python.values.dims import Size
from forgather_lint.python.values.endings import Ending
from forgather_lint.python.values.objects import FunctionValue
from forgather_lint.python.values.placement import (
    REPLICATE,
    ZEROS,
    Partial,
    Placement,
    Undecided,
    Wrong,
)
from forgather_lint.python.values.value import (
    Choice,
    DequeValue,
    DictValue,
    External,
    IterableValue,
    Known,
    ListValue,
    SetValue,
    SymbolicInt,
    TensorValue,
    TupleValue,
    Unknown,
    Value,
    size_of,
)

Shape = tuple[Size | None, ...]

ZERO = Known(0)
ONE = Known(1)
LAST = Known(-1)
NO_SIZES = TupleValue(())


class Undetermined(Ending):
    """The result depends on an argument that is not known; `reason` is short and countable."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def pay_for(site: Site, count: int) -> int:
    """`count`, a number of items to be made.

    Raises `Undetermined` where the budget has no room for it.
    """
    if not site.evaluator.budget.has_room(count):
        raise Undetermined("many-items")
    return count


def tensor_op(*names: str) -> Callable[[Op], Op]:
    """Registers an op that returns one tensor; if undetermined, a tensor of unknown shape."""
    return _registering(names, _undetermined_tensor)


def value_op(*names: str) -> Callable[[Op], Op]:
    """Registers an op that returns several tensors or none; if undetermined, an unknown value."""
    return _registering(names, _undetermined_value)


def _registering(
    names: tuple[str, ...], otherwise: Callable[[Site, str, list[Value]], Value]
) -> Callable[[Op], Op]:
    def register(function: Op) -> Op:
        @functools.wraps(function)
        def guarded(site: Site, *positional: Value, **keywords: Value) -> Value:
            try:
                made = function(site, *positional, **keywords)
            except Undetermined as undetermined:
                arguments = [*positional, *keywords.values()]
                made = otherwise(site, undetermined.reason, arguments)
            return _still_parameter(made, positional[0]) if is_in_place(site.name) else made

        op(*names)(guarded)
        return function

    return register


def _still_parameter(made: Value, target: Value) -> Value:
    """The result of an in-place method is its receiver, so that a parameter stays one."""
    if isinstance(made, TensorValue) and isinstance(target, TensorValue):
        return replace(made, is_parameter=target.is_parameter)
    return made


def _undetermined_tensor(site: Site, reason: str, arguments: list[Value]) -> Value:
    placements = [each.placement for each in arguments if isinstance(each, TensorValue)]
    placement = absorb([*placements, Undecided(reason, site.where)])
    assert placement is not None
    return TensorValue(None, placement, origin=site.where)


def _undetermined_value(site: Site, reason: str, _: list[Value]) -> Value:
    return site.unknown(reason)


def result(
    site: Site, shape: Shape | None, placement: Placement, dtype: str | None = None
) -> TensorValue:
    """The tensor that the op at `site` returns."""
    return TensorValue(shape, consistent(site, shape, placement), dtype, site.where)


def tensor(site: Site, value: Value, argument: str = "input", position: int = 1) -> TensorValue:
    """The tensor given for `argument`.

    Raises `OpFailure` for what is no tensor, `Undetermined` for what may be one.
    """
    if isinstance(value, TensorValue):
        return value
    if isinstance(value, Known) or is_plain(value):
        raise OpFailure(
            "TypeError",
            f"{op_text(site)}(): argument '{argument}' (position {position}) must be Tensor, "
            f"not {type_name(value)}",
        )
    raise Undetermined(reason_of(value))


def is_plain(value: Value) -> bool:
    """Whether `value` is a Python container or function, which cannot be a tensor."""
    return isinstance(value, TupleValue | ListValue | DictValue | SetValue | FunctionValue)


def optional_tensor(site: Site, value: Value, argument: str, position: int) -> TensorValue | None:
    """The tensor given for `argument`, or None if None was given."""
    return None if is_none(value) else tensor(site, value, argument, position)


def shape_of(operand: TensorValue) -> Shape:
    """The shape; raises `Undetermined` when not even the number of dimensions is known."""
    if operand.shape is None:
        placement = operand.placement
        raise Undetermined(
            placement.reason if isinstance(placement, Undecided) else "unknown-shape"
        )
    return operand.shape


def number_operand(site: Site, value: Value) -> TensorValue:
    """A tensor, or a Python number as a tensor without dimensions.

    The size of a rank's part of a dimension is a partial sum: added up it is the size in the whole
    model.
    """
    if isinstance(value, TensorValue):
        return value
    if isinstance(value, SymbolicInt):
        placement = placement_of_number(site, value)
        if dims.counts_tokens(value.size) and not isinstance(placement, Wrong):
            # An engine hands over other tokens at a time than there are in the sequence.
            placement = Undecided("number-of-tokens", site.where)
        tags = frozenset([PART_SIZE] if isinstance(placement, Partial) else [])
        return TensorValue((), placement, "int64", tags=tags)
    if isinstance(value, Known) and isinstance(value.value, bool | int | float | complex):
        tags = frozenset([] if value.value else [ZEROS])
        return TensorValue((), REPLICATE, dtype_of_number(value, default_dtype(site)), tags=tags)
    raise Undetermined(reason_of(value))


def placement_of_number(site: Site, value: SymbolicInt) -> Placement:
    """The placement of a size, seen as a number."""
    if not dims.depends_on_rank(value.size):
        return REPLICATE
    if all(names.count(dims.RANKS) == 1 for names, _ in value.size.terms):
        return Partial(site.where)
    return Wrong(PartMisused("computes with the size of a part of a dimension"), site.where)


def is_none(value: Value) -> bool:
    """Whether `value` is surely None."""
    return isinstance(value, Known) and value.value is None


def is_number(value: Value) -> bool:
    """Whether `value` is surely a Python number."""
    if isinstance(value, Known):
        return isinstance(value.value, bool | int | float | complex)
    return isinstance(value, SymbolicInt)


def flag(value: Value) -> bool:
    """The truth value of a Python constant. Raises `Undetermined`."""
    if isinstance(value, Known):
        return bool(value.value)
    raise Undetermined(reason_of(value))


def integer(value: Value) -> Size:
    """The integer `value`. Raises `Undetermined`."""
    size = size_of(value)
    if size is None:
        raise Undetermined(reason_of(value))
    return size


def plain_integer(value: Value) -> int:
    """The integer `value`, known and equal on every rank. Raises `Undetermined`."""
    size = integer(value)
    if not isinstance(size, int):
        raise Undetermined("symbolic-argument")
    return size


def items(site: Site, value: Value) -> list[Value]:
    """The items of a list or tuple, which have to be known completely.

    torch refuses an iterator, a range or a view of a dict, in words that differ by op.
    """
    if isinstance(value, IterableValue | DequeValue):
        raise Undetermined("iterable-as-argument")
    if isinstance(value, TupleValue):
        return list(value.items)
    if isinstance(value, ListValue) and value.rest is None:
        return list(value.items)
    if isinstance(value, Unknown | Choice | Known):
        raise Undetermined(reason_of(value))
    known, rest = site.evaluator.items_of(value)
    if rest is not None:
        raise Undetermined(rest.reason)
    return known


def is_sequence(value: Value) -> bool:
    """Whether `value` is a list or tuple."""
    return isinstance(value, TupleValue | ListValue)


def sizes(site: Site, given: Sequence[Value]) -> list[Size | None]:
    """Sizes given as `f(2, 3)` or as `f((2, 3))`; None for one that is not known."""
    if len(given) == 1 and size_of(given[0]) is None:
        given = items(site, given[0])
    return [size_of(value) for value in given]


def integers(site: Site, given: Sequence[Value]) -> list[int]:
    """Plain integers given as `f(0, 2, 1)` or as `f((0, 2, 1))`."""
    if len(given) == 1 and size_of(given[0]) is None:
        given = items(site, given[0])
    return [plain_integer(value) for value in given]


def dimension(value: Value, rank: int) -> int:
    """The number of the dimension `value` of a tensor of `rank` dimensions, counted from 0."""
    return wrapped(plain_integer(value), rank)


def wrapped(dim: int, rank: int) -> int:
    """`dim` counted from 0; raises torch's IndexError when there is no such dimension."""
    limit = max(rank, 1)
    if not -limit <= dim < limit:
        raise OpFailure(
            "IndexError",
            f"Dimension out of range (expected to be in range of [{-limit}, {limit - 1}], "
            f"but got {dim})",
        )
    return dim % limit


def reason_of(value: Value) -> str:
    """Why `value` cannot be used as an argument."""
    if isinstance(value, Unknown):
        return value.reason
    if isinstance(value, TensorValue) and isinstance(value.placement, Undecided):
        return value.placement.reason
    return "unmodelled-argument"


def type_name(value: Value) -> str:
    """The name of the Python type of `value`, as used in error messages."""
    if isinstance(value, TensorValue):
        return "Tensor"
    return "type" if isinstance(value, External) else type_names.type_name(value)


def is_in_place(op: str) -> bool:
    """Whether the op writes to its first operand: `x.add_(y)`, `x += y`."""
    module, _, name = op.rpartition(".")
    if module == "operator":
        return name in _IN_PLACE_OPERATORS
    if name.endswith("__"):
        return name.strip("_") in _IN_PLACE_OPERATORS
    return name.endswith("_") and name not in _NO_NUMBERS


_NO_NUMBERS = ("requires_grad_", "detach_")
"""In-place ops that change no element of the tensor."""
_IN_PLACE_OPERATORS = frozenset(
    "iadd isub imul itruediv ifloordiv imod ipow iand ior ixor ilshift irshift".split()
)
