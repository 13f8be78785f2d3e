"""Numbers that grow along the tokens: positions, distances, and biases made of them (as in ALiBi).

Such a bias on attention scores differs from key to key, whatever mask is added to it. An engine
that ignores masks leaves it out, and gives another answer.

Positions that the model counts itself start at the first token that it is passed. An engine passes
only the new tokens, so these counts are wrong there. They are undecided until they are combined
with features of tokens; then the answer is wrong.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from forgather_lint.core.source import Place
from forgather_lint.facts.causes.tokens import PositionsCounted
from forgather_lint.libraries.devices import tensors_in
from forgather_lint.libraries.dtypes import kind
from forgather_lint.libraries.tokens import counts_from_first, holds_states
from forgather_lint.python.values import dims
from forgather_lint.python.values.placement import ZEROS, Undecided, Wrong
from forgather_lint.python.values.value import (
    NONE,
    Arguments,
    Known,
    SliceValue,
    SymbolicInt,
    TensorValue,
    TupleValue,
    Value,
)

COUNTED = "counted"
"""The tag of a tensor whose elements differ along its last dimension as positions do."""

FROM_FIRST = "from-first"
"""Tag of numbers that differ by how far a token lies behind the first that is handed over."""

_KEEPING = frozenset(
    "to float half bfloat16 double type type_as contiguous clone detach unsqueeze view reshape "
    "expand expand_as broadcast_to repeat squeeze abs neg negative getitem __getitem__".split()
)
_SCALING = frozenset("mul multiply div divide truediv true_divide".split())
_MOVING = frozenset("add sub subtract".split())
_FILLING = frozenset(("masked_fill", "where"))
_WAVES = frozenset(("sin", "cos"))
_JOINING = frozenset("cat concat concatenate stack".split())
_PRODUCTS = frozenset("einsum outer ger matmul bmm __matmul__".split())
_GROWING = frozenset("expand expand_as broadcast_to repeat".split())
_FLOATING = 2
_HIDES = -1000.0
"""A score so low that softmax gives it no weight beside those of a model."""


def with_counting(name: str, arguments: Arguments, made: Value, where: Place) -> Value:
    """What the op `name` made, marked where it counts positions, and how."""
    if not isinstance(made, TensorValue):
        return made
    short = name.rpartition(".")[2].rstrip("_") or name.rpartition(".")[2]
    return _from_first(name, short, arguments, _counted(short, arguments, made), where)


def _counted(short: str, arguments: Arguments, made: TensorValue) -> TensorValue:
    """`made`, marked where it is counted along its last dimension."""
    if not made.shape or made.shape[-1] == 1:
        return made
    counts = short == "arange" or (
        _is_counted_in(arguments.all()) and _stays_counted(short, arguments, made)
    )
    return replace(made, tags=made.tags | {COUNTED}) if counts else made


def _from_first(
    name: str, short: str, arguments: Arguments, made: TensorValue, where: Place
) -> TensorValue:
    """`made`, marked where it is counted from the first token, wrong where tokens take it up."""
    if not counts_from_first(made.placement):
        return made
    given = arguments.all()
    counted = [each for each in tensors_in(given) if FROM_FIRST in each.tags]
    if not counted:
        begins = short == "arange" or (short.endswith("getitem") and _is_parameter(given[0]))
        return _marked(made) if begins else made
    if name.endswith(("Embedding.forward", "functional.embedding")):
        return _marked(made)
    if short in _MOVING | _SCALING and any(map(_is_taken_up, *_sides(given))):
        return replace(made, placement=Wrong(PositionsCounted(), where))
    return _marked(made) if _stays_from_first(short, given, made) else made


def _marked(made: TensorValue) -> TensorValue:
    return replace(made, tags=made.tags | {FROM_FIRST})


def _is_parameter(value: Value) -> bool:
    return isinstance(value, TensorValue) and value.is_parameter


def _sides(given: Sequence[Value]) -> tuple[Sequence[Value], Sequence[Value]]:
    return given[:2], given[1::-1]


def _is_taken_up(counted: Value, states: Value) -> bool:
    """Whether features by position are put together with those that tokens have."""
    return (
        isinstance(counted, TensorValue)
        and isinstance(states, TensorValue)
        and FROM_FIRST in counted.tags
        and holds_states(counted)
        and holds_states(states)
        and not isinstance(states.placement, Undecided)
        and any(size is not None and dims.counts_tokens(size) for size in states.shape or ())
    )


def _stays_from_first(short: str, given: Sequence[Value], made: TensorValue) -> bool:
    """Whether what is made of numbers counted from the first token surely differs as they do."""
    source, others = given[0], given[1:]
    if short in _KEEPING:
        grows = short in _GROWING and _wide(made) != _wide(source)
        return not grows and _shows_all(short, source, others, made)
    if short in _WAVES:
        return True
    if short in _JOINING:
        return all(FROM_FIRST in each.tags for each in tensors_in(given))
    if short in _FILLING:
        return _is_hidden_in_part(short, given)
    if short in _MOVING | _SCALING and len(given) == 2:
        numbers = [each for each in given if not isinstance(each, TensorValue)]
        if numbers:
            return all(isinstance(each, Known | SymbolicInt) for each in numbers) and not (
                short in _SCALING and any(map(_is_nothing, numbers))
            )
        return _differ_by_axis(given) or _is_one_sided(given)
    return short in _PRODUCTS and _is_one_sided(list(tensors_in(given)))


def _wide(value: Value) -> int:
    """How many dimensions hold more than one element."""
    shape = value.shape if isinstance(value, TensorValue) else None
    return sum(size != 1 for size in shape or ())


def _shows_all(short: str, source: Value, others: Sequence[Value], made: TensorValue) -> bool:
    if short.endswith("getitem") or short == "__getitem__":
        keys = others[0].items if isinstance(others[0], TupleValue) else others[:1]
        return all(each == NONE or _is_everything(each) for each in keys)
    return not (is_floating(source) and not is_floating(made)) and made.dtype != "bool"


def _is_everything(key: Value) -> bool:
    if isinstance(key, SliceValue):
        return key.start == key.stop == key.step == NONE
    return isinstance(key, Known) and key.value is ...


def _is_nothing(value: Value) -> bool:
    return isinstance(value, Known) and not value.value


def _is_one_sided(given: Sequence[Value]) -> bool:
    """Whether one of two tensors is counted, and the other differs by none of the tokens."""
    tensors = [each for each in given if isinstance(each, TensorValue)]
    others = [each for each in tensors if FROM_FIRST not in each.tags]
    return len(tensors) == 2 and len(others) == 1 and not any(map(_is_of_tokens, others))


def _is_of_tokens(tensor: TensorValue) -> bool:
    sizes = tensor.shape
    return (
        ZEROS in tensor.tags
        or sizes is None
        or any(size is None or dims.counts_tokens(size) for size in sizes)
    )


def _differ_by_axis(given: Sequence[Value]) -> bool:
    """Whether both are counted, along other dimensions: the distances between tokens."""
    return all(FROM_FIRST in each.tags for each in tensors_in(given)) and any(
        is_counted(one) and _is_flat(other) for one, other in _both(given)
    )


def is_bias(mask: Value) -> bool:
    """Whether the mask surely adds different numbers to the scores of different keys."""
    return is_counted(mask) and is_floating(mask)


def is_counted(value: Value) -> bool:
    """Whether the tensor differs along its last dimension as positions do."""
    return isinstance(value, TensorValue) and COUNTED in value.tags


def _is_counted_in(given: Sequence[Value]) -> bool:
    return any(map(is_counted, given))


def _stays_counted(short: str, arguments: Arguments, made: TensorValue) -> bool:
    given = arguments.all()
    source, others = given[0], given[1:]
    if short in _KEEPING:
        return is_counted(source) and _keeps(short, source, others, made)
    if short in _FILLING:
        return _is_hidden_in_part(short, given)
    if short in _MOVING and len(given) == 2:
        return any(is_counted(one) and _is_flat(other) for one, other in _both(given))
    if short in _SCALING and len(given) == 2:
        pairs = _both(given) if short.startswith("mul") else [(source, others[0])]
        return any(is_counted(one) and _is_factor(other) for one, other in pairs)
    return False


def _both(given: Sequence[Value]) -> list[tuple[Value, Value]]:
    return [(given[0], given[1]), (given[1], given[0])]


def _keeps(short: str, source: Value, others: Sequence[Value], made: TensorValue) -> bool:
    """Whether the result of a view, copy or cast differs along the same dimension as `source`."""
    last = source.shape[-1] if isinstance(source, TensorValue) and source.shape else None
    if short.endswith("getitem") or short == "__getitem__":
        keys = others[0].items if isinstance(others[0], TupleValue) else others[:1]
        return all(each == NONE or _is_region(each) for each in keys)
    rounded = is_floating(source) and not is_floating(made)
    return last is not None and made.shape is not None and made.shape[-1] == last and not rounded


def _is_region(key: Value) -> bool:
    return isinstance(key, SliceValue) or (isinstance(key, Known) and key.value is ...)


def _is_hidden_in_part(short: str, given: Sequence[Value]) -> bool:
    """Whether a mask replaces some elements by a number that hides them, and leaves the others."""
    if len(given) != 3:
        return False
    shown = [each for each in given if is_counted(each)]
    fills = [each for each in (given[2:] if short == "masked_fill" else given) if hides(each)]
    return len(shown) == len(fills) == 1


def hides(value: Value) -> bool:
    """Whether the number, added to a score, leaves it no weight."""
    number = value.value if isinstance(value, Known) else None
    return isinstance(number, float | int) and number <= _HIDES


def _is_flat(value: Value) -> bool:
    """Whether the tensor is constant along the last dimension of what it is added to."""
    if isinstance(value, TensorValue):
        return value.shape is not None and (not value.shape or value.shape[-1] == 1)
    return isinstance(value, SymbolicInt | Known)


def _is_factor(value: Value) -> bool:
    """Whether the value is constant along the last dimension, and not zero."""
    if isinstance(value, TensorValue) and ZEROS in value.tags:
        return False
    return _is_flat(value) and not (isinstance(value, Known) and not value.value)


def is_floating(value: Value) -> bool:
    """Whether the tensor surely holds numbers with a fraction."""
    dtype = value.dtype if isinstance(value, TensorValue) else None
    return dtype is not None and kind(dtype) >= _FLOATING
