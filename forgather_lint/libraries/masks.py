"""Masks that hide from each token exactly what follows it, in the ways that models write them.

An engine attends causally and leaves out the mask that it is handed. Only where the model's own
mask is the causal one does it compute the same. Below, `i` is the position of a query, its row, and
`j` that of a key, its column.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from forgather_lint.libraries.operands import is_in_place
from forgather_lint.libraries.positions import hides, is_floating
from forgather_lint.python.values import dims
from forgather_lint.python.values.placement import ZEROS
from forgather_lint.python.values.value import (
    NONE,
    Arguments,
    Known,
    SliceValue,
    TensorValue,
    TupleValue,
    Value,
)

SHOWN = "1 where j <= i, and 0 elsewhere"
HIDDEN = "1 where j > i, and 0 elsewhere"
LOWERED = "where j > i so low that softmax drops it, and 0 elsewhere"
ONES = "1 everywhere"
_LOW = "everywhere so low that softmax drops it"
KEYS = "j"
"""The tag of positions of keys, as `arange` and an engine give them."""
_QUERIES = "i"
_BACK = "i - j"
_AHEAD = "j - i"
MASK_TAGS = frozenset((SHOWN, HIDDEN, LOWERED, ONES, _LOW, KEYS, _QUERIES, _BACK, _AHEAD))
"""The tags of masks, and of what they are made of. Who writes to one is told of by itself."""
_OPPOSITE = {SHOWN: HIDDEN, HIDDEN: SHOWN}

_COMPARED = {"le": "ge", "lt": "gt", "ge": "le", "gt": "lt", "eq": "eq", "ne": "ne"}
"""Comparisons, each with the one that says the same of operands that changed places."""
_OF_DISTANCE: Mapping[tuple[str, str, float], str] = {
    (_BACK, "ge", 0): SHOWN,
    (_BACK, "gt", -1): SHOWN,
    (_BACK, "lt", 0): HIDDEN,
    (_BACK, "le", -1): HIDDEN,
    (_AHEAD, "le", 0): SHOWN,
    (_AHEAD, "lt", 1): SHOWN,
    (_AHEAD, "gt", 0): HIDDEN,
    (_AHEAD, "ge", 1): HIDDEN,
}
"""What a distance tells that is compared with a number."""
_KEEPS = frozenset((("eq", 1), ("ne", 0), ("gt", 0)))
_TURNS = frozenset((("eq", 0), ("ne", 1), ("lt", 1)))
"""Comparisons that are true where a tensor of 0 and 1 is 1, and where it is 0."""


def with_causality(name: str, arguments: Arguments, made: Value) -> Value:
    """`made`, the result of the op `name`, tagged with what it tells of keys and queries."""
    if not isinstance(made, TensorValue):
        return made
    meaning = _MEANINGS.get(name.rpartition(".")[2].strip("_"))
    found = meaning(_Call(name, arguments, made)) if meaning and arguments.all() else None
    tags = made.tags - MASK_TAGS | (frozenset((found,)) if found else frozenset())
    return made if tags == made.tags else replace(made, tags=tags)


def overwrites_mask(name: str, arguments: Arguments, made: Value) -> bool:
    """Whether the op writes to what may be (part of) a mask, other than to make it one.

    Whoever holds another view of that memory is not told.
    """
    given = arguments.keywords.get("out", arguments.positional[0] if arguments.positional else NONE)
    writes = is_in_place(name) or name == "operator.setitem" or "out" in arguments.keywords
    if not writes or not isinstance(given, TensorValue) or _tag(made) is not None:
        return False
    if _tag(given) in (ONES, _LOW):
        sizes = (given.shape or ())[-2:]
        return len(sizes) == 2 and all(size is None or dims.counts_tokens(size) for size in sizes)
    return _tag(given) not in (None, KEYS, _QUERIES)


def is_causal(mask: Value) -> bool:
    """Whether the mask surely hides what follows a token, and nothing else."""
    tag = _tag(mask)
    return tag == LOWERED or (tag == SHOWN and _is_bool(mask))


class _Call:
    """A call of an op: its operands by position, those by name, and its result."""

    def __init__(self, name: str, arguments: Arguments, made: TensorValue) -> None:
        self.short = name.rpartition(".")[2].strip("_")
        self.given = arguments.positional
        self.named = arguments.keywords
        self.made = made

    @property
    def tag(self) -> str | None:
        """What the first operand tells."""
        return _tag(self.given[0]) if self.given else None

    def argument(self, name: str, at: int, default: Value = NONE) -> Value:
        """The argument that is called `name`, and is number `at` by position."""
        return self.named.get(name, self.given[at] if len(self.given) > at else default)


def _tag(value: Value) -> str | None:
    tags = value.tags & MASK_TAGS if isinstance(value, TensorValue) else ()
    return next(iter(tags), None)


def _is_bool(value: Value) -> bool:
    return isinstance(value, TensorValue) and value.dtype == "bool"


def _is_number(value: Value, number: int) -> bool:
    return (
        isinstance(value, Known)
        and isinstance(value.value, int | float)
        and (value.value == number)
    )


def _is_zero(value: Value) -> bool:
    return _is_number(value, 0) or (isinstance(value, TensorValue) and ZEROS in value.tags)


def _ones(_: _Call) -> str:
    return ONES


def _full(call: _Call) -> str | None:
    """`full(size, number)`, `full_like(other, number)`, `other.new_full(size, number)`."""
    number = call.argument("fill_value", 2 if call.short == "new_full" else 1)
    return _LOW if hides(number) else ONES if _is_number(number, 1) else None


def _arange(call: _Call) -> str | None:
    """`arange(n)` and `arange(0, n)`."""
    whole = len(call.given) == 1 or (len(call.given) == 2 and _is_number(call.given[0], 0))
    return KEYS if whole and not {"start", "end", "step"} & call.named.keys() else None


def _lower_triangle(call: _Call) -> str | None:
    kept = call.tag == ONES and _is_number(call.argument("diagonal", 1, Known(0)), 0)
    return SHOWN if kept else None


def _upper_triangle(call: _Call) -> str | None:
    if not _is_number(call.argument("diagonal", 1, Known(0)), 1):
        return None
    return {ONES: HIDDEN, _LOW: LOWERED}.get(call.tag or "")


def _inverse(call: _Call) -> str | None:
    return _OPPOSITE.get(call.tag or "") if _is_bool(call.given[0]) else None


def _same(call: _Call) -> str | None:
    """A copy, a cast, or more rows and planes."""
    if call.tag in (KEYS, _QUERIES) and call.short not in _CASTS:
        return None
    rounds = isinstance(call.given[0], TensorValue) and call.given[0].dtype != call.made.dtype
    lost = rounds and not is_floating(call.made) and call.tag not in (SHOWN, HIDDEN, ONES)
    return None if lost else call.tag


def _view(call: _Call) -> str | None:
    """A view that leaves the last two dimensions as they are, or moves positions to other ones."""
    before, after = _shape(call.given[0]), _shape(call.made)
    if call.tag in (ONES, _LOW):
        return call.tag
    if call.tag == KEYS and before and after:
        if after[-1] == before[-1]:
            return KEYS
        return _QUERIES if len(after) > 1 and after[-2] == before[-1] else None
    return call.tag if len(before) > 1 and before[-2:] == after[-2:] else None


def _item(call: _Call) -> str | None:
    """A region that begins with the first query and the first key, and new dimensions of 1."""
    key = call.given[1]
    keys = key.items if isinstance(key, TupleValue) else (key,)
    if not all(each == NONE or _is_whole(each) for each in keys):
        return None
    if call.tag in (KEYS, _QUERIES):
        return _view(call)
    news = [number for number, each in enumerate(keys) if each == NONE]
    before = keys[: news[-1]] if news else ()
    behind = len(_shape(call.given[0])) - sum(each != NONE for each in before)
    if any(map(_is_dots, before)):
        behind = len(keys) - len(before) - 1
    return call.tag if behind > 1 or call.tag in (ONES, _LOW) else None


def _is_whole(key: Value) -> bool:
    """Whether the key takes all of a dimension, or its beginning."""
    if isinstance(key, SliceValue):
        return (key.start == NONE or _is_number(key.start, 0)) and (
            key.step == NONE or _is_number(key.step, 1)
        )
    return _is_dots(key)


def _is_dots(key: Value) -> bool:
    return isinstance(key, Known) and key.value is ...


def _shape(value: Value) -> tuple[object, ...]:
    return tuple(value.shape or ()) if isinstance(value, TensorValue) else ()


def _comparison(call: _Call) -> str | None:
    left, right, short = call.given[0], call.argument("other", 1), call.short
    if isinstance(left, Known) or _tag(left) == _QUERIES:
        left, right, short = right, left, _COMPARED[short]
    if isinstance(right, Known):
        number = right.value if isinstance(right.value, int | float) else None
        tag = _tag(left)
        if tag in _OPPOSITE and (short, number) in _KEEPS | _TURNS:
            return tag if (short, number) in _KEEPS else _OPPOSITE[tag]
        return _OF_DISTANCE.get((tag, short, number)) if tag and number is not None else None
    if (_tag(left), _tag(right)) == (KEYS, _QUERIES):
        return {"le": SHOWN, "gt": HIDDEN}.get(short)
    return None


def _difference(call: _Call) -> str | None:
    left, right = call.given[0], call.argument("other", 1)
    if "alpha" in call.named:
        return None
    if call.short == "rsub":
        left, right = right, left
    if _is_number(left, 1):
        return _OPPOSITE.get(_tag(right) or "")
    return {(KEYS, _QUERIES): _AHEAD, (_QUERIES, KEYS): _BACK}.get(
        (_tag(left) or "", _tag(right) or "")
    )


def _product(call: _Call) -> str | None:
    """What is hidden times a low number; zero times -inf would be no number."""
    left, right = call.given[0], call.argument("other", 1)
    for mask, number in ((left, right), (right, left)):
        finite = isinstance(number, Known) and number.value != float("-inf")
        if _tag(mask) == HIDDEN and finite and hides(number):
            return LOWERED
    return None


def _filled(call: _Call) -> str | None:
    """`masked_fill(zeros, hidden, low)`."""
    base, hidden, number = call.given[0], call.argument("mask", 1), call.argument("value", 2)
    fills = _tag(hidden) == HIDDEN and hides(number)
    return LOWERED if fills and (_is_zero(base) or _tag(base) == LOWERED) else None


def _chosen(call: _Call) -> str | None:
    """`torch.where(condition, one, other)`; as a method, the condition comes second."""
    condition, one, other = call.given[0], call.argument("input", 1), call.argument("other", 2)
    if not _is_bool(condition):
        condition, one = one, condition
    shown, low = {SHOWN: (one, other), HIDDEN: (other, one)}.get(
        _tag(condition) or "", (NONE, NONE)
    )
    drops = hides(low) or _tag(low) == _LOW
    return LOWERED if drops and _is_zero(shown) else None


def _both(call: _Call) -> str | None:
    left, right = _tag(call.given[0]), _tag(call.argument("other", 1))
    if left == right:
        return left if left in _OPPOSITE else None
    return SHOWN if {left, right} == {SHOWN, ONES} else None


_CASTS = frozenset(
    "to bool float half bfloat16 double int long type type_as contiguous clone detach".split()
)
_MEANINGS: Mapping[str, Callable[[_Call], str | None]] = {
    **dict.fromkeys(("ones", "ones_like", "new_ones"), _ones),
    **dict.fromkeys(("full", "full_like", "new_full"), _full),
    **dict.fromkeys(("invert", "logical_not", "bitwise_not"), _inverse),
    **dict.fromkeys(_CASTS | {"expand", "expand_as", "broadcast_to"}, _same),
    **dict.fromkeys(("view", "reshape", "unsqueeze"), _view),
    **dict.fromkeys(_COMPARED, _comparison),
    **dict.fromkeys(("sub", "subtract", "rsub"), _difference),
    **dict.fromkeys(("mul", "multiply"), _product),
    **dict.fromkeys(("and", "logical_and", "bitwise_and"), _both),
    "arange": _arange,
    "tril": _lower_triangle,
    "triu": _upper_triangle,
    "getitem": _item,
    "masked_fill": _filled,
    "where": _chosen,
}
