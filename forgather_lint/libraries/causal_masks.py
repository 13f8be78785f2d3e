"""Masks that hide from each token the ones behind it, and nothing else.

An engine's attention looks at no mask: it is causal by itself. So a mask that a model passes to it
may be left out if it is the causal one, made in whatever way; of any other mask that is not known.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from forgather_lint.libraries.positions import COUNTED
from forgather_lint.python.values.placement import ZEROS
from forgather_lint.python.values.value import (
    NONE,
    Arguments,
    Choice,
    Known,
    SliceValue,
    TensorValue,
    TupleValue,
    Value,
)

SHOWN = "causal-shown"
"""Tag of numbers that are one where a key is no later than the query, and zero elsewhere."""
HIDDEN = "causal-hidden"
"""Tag of numbers that are zero where a key is no later than the query, and one elsewhere."""
ADDED = "causal-added"
"""Tag of scores that are zero where a key is no later than the query, and hide the others."""
_ONES, _HIDING, _ROWS = "filled-with-ones", "filled-with-hiding-scores", "counted-along-rows"
_OPPOSITE = {SHOWN: HIDDEN, HIDDEN: SHOWN}
_TAGS = frozenset((SHOWN, HIDDEN, ADDED, _ONES, _HIDING, _ROWS))

_KEEPING = frozenset(
    "to float half bfloat16 double bool int long type type_as contiguous clone detach unsqueeze "
    "expand expand_as getitem __getitem__ view reshape".split()
)
_NOT = frozenset(("invert", "logical_not", "bitwise_not", "__invert__"))
_ORDERS = {"ge": SHOWN, "lt": HIDDEN}
"""What `queries ? keys` gives of positions."""
_MIRRORED = {"le": "ge", "gt": "lt"}
_HIDES = -1000.0


def is_causal(mask: Value) -> bool:
    """Whether the mask is surely the causal one, or none at all."""
    if isinstance(mask, Choice):
        return all(map(is_causal, mask.options))
    if not isinstance(mask, TensorValue):
        return mask == NONE
    return ADDED in mask.tags or (SHOWN in mask.tags and mask.dtype == "bool")


def with_causality(name: str, arguments: Arguments, made: Value) -> Value:
    """What the op `name` made, tagged if it is a causal mask or a part of one."""
    if not isinstance(made, TensorValue) or not made.shape:
        return made
    short = name.rpartition(".")[2].rstrip("_") or name.rpartition(".")[2]
    tag = _tag(short.strip("_"), arguments, made)
    if tag is None or tag in made.tags:
        return made
    return replace(made, tags=made.tags - _TAGS | {tag})


def _tag(short: str, arguments: Arguments, made: TensorValue) -> str | None:
    given = arguments.all()
    source = given[0] if given else NONE
    if short in ("ones", "full", "new_ones", "new_full"):
        return _filled(short, arguments)
    if short in ("tril", "triu"):
        return _triangle(short, arguments, source)
    if short in _KEEPING:
        return _kept(short, source, given[1:], made)
    if short in _NOT:
        return _OPPOSITE.get(_tag_of(source) or "")
    if len(given) == 2 and short in (*_ORDERS, *_MIRRORED):
        return _order(short, given[0], given[1])
    if len(given) == 2 and short == "eq" and _is_zero(given[1]):
        return _OPPOSITE.get(_tag_of(source) or "")
    if len(given) == 2 and short in ("sub", "rsub"):
        return HIDDEN if given[0] == Known(1.0) and _tag_of(given[1]) == SHOWN else None
    if len(given) == 2 and short == "mul":
        tags = {_tag_of(each) for each in given}
        scaled = HIDDEN in tags and any(map(_hides, given))
        return ADDED if scaled or tags == {ADDED, HIDDEN} else None
    if len(given) == 3 and short == "masked_fill":
        hidden = _tag_of(given[1]) == HIDDEN and _hides(given[2])
        return ADDED if hidden and _is_zero(source) else None
    if len(given) == 3 and short == "where":
        return _either(given)
    return None


def _tag_of(value: Value) -> str | None:
    tags = value.tags if isinstance(value, TensorValue) else frozenset()
    return next(iter(tags & _TAGS), None)


def _filled(short: str, arguments: Arguments) -> str | None:
    if short.endswith("ones"):
        return _ONES
    places = 2 if short == "new_full" else 1
    positional = arguments.positional[places] if len(arguments.positional) > places else NONE
    value = arguments.keywords.get("fill_value", positional)
    if isinstance(value, Known) and value.value in (1, True):
        return _ONES
    return _HIDING if _hides(value) else None


def _triangle(short: str, arguments: Arguments, source: Value) -> str | None:
    positional = arguments.positional[1] if len(arguments.positional) > 1 else Known(0)
    diagonal = arguments.keywords.get("diagonal", positional)
    tag = _tag_of(source)
    if short == "tril":
        return SHOWN if tag == _ONES and diagonal == Known(0) else None
    if diagonal != Known(1):
        return None
    return {_ONES: HIDDEN, _HIDING: ADDED}.get(tag or "")


def _kept(short: str, source: Value, others: Sequence[Value], made: TensorValue) -> str | None:
    """The tag behind a view, a copy or another type."""
    shown = made.shape or ()
    if not isinstance(source, TensorValue) or not source.shape:
        return None
    shape, tag = source.shape, _tag_of(source)
    if short == "getitem":
        keys = others[0].items if isinstance(others[0], TupleValue) else others[:1]
        if not all(each == NONE or _is_from_start(each) for each in keys):
            return None
    elif short in ("view", "reshape") and shown[-2:] != shape[-2:]:
        return None
    if COUNTED in source.tags and len(shown) > 1 and shown[-1] == 1:
        return _ROWS
    if tag == _ROWS:
        return _ROWS if shown[-1] == 1 else None
    whole = tag in (_ONES, _HIDING) or (len(shown) > 1 and shown[-1] == shown[-2])
    return tag if whole else None


def _is_from_start(key: Value) -> bool:
    if isinstance(key, SliceValue):
        return key.start in (NONE, Known(0)) and key.step in (NONE, Known(1))
    return isinstance(key, Known) and key.value is ...


def _order(short: str, one: Value, other: Value) -> str | None:
    """Of positions of the queries, one a row, and of the keys, side by side."""
    if short in _MIRRORED:
        one, other, short = other, one, _MIRRORED[short]
    by_rows = _tag_of(one) == _ROWS and isinstance(other, TensorValue) and COUNTED in other.tags
    return _ORDERS[short] if by_rows else None


def _either(given: Sequence[Value]) -> str | None:
    """`torch.where(mask, one, other)`."""
    tag, (one, other) = _tag_of(given[0]), given[1:]
    shown, hidden = (one, other) if tag == SHOWN else (other, one)
    return ADDED if tag in _OPPOSITE and _is_zero(shown) and _hides(hidden) else None


def _is_zero(value: Value) -> bool:
    if isinstance(value, TensorValue):
        return ZEROS in value.tags
    return isinstance(value, Known) and isinstance(value.value, int | float) and not value.value


def _hides(value: Value) -> bool:
    if isinstance(value, TensorValue):
        return _HIDING in value.tags
    number = value.value if isinstance(value, Known) else None
    return isinstance(number, int | float) and number <= _HIDES
