"""The values of the interpreter: constants, containers, tensors, and what is not known.

Functions, classes and objects are in `objects`.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import field
from itertools import count
from types import EllipsisType
from typing import Any

from forgather_lint.core.record import record
from forgather_lint.core.source import Place
from forgather_lint.python.values.dims import Poly, Size
from forgather_lint.python.values.endings import BudgetExceeded, Ending
from forgather_lint.python.values.placement import REPLICATE, Placement

Constant = None | bool | int | float | complex | str | bytes | EllipsisType


_SERIALS = count()


def next_serial() -> int:
    """A number that orders objects by the time at which they were made."""
    return next(_SERIALS)


class Value:
    """Base of everything that an expression can evaluate to; compared by identity."""

    __slots__ = ()


@record
class Known(Value):
    """A Python constant. `loop` marks the index of a loop whose rounds may be alike."""

    value: Constant
    loop: LoopIndex | None = field(default=None, compare=False, repr=False)


@record(eq=False)
class Unknown(Value):
    """A value that could not be decided; `reason` is short and countable, `detail` says more.

    For unknown items of an iteration, `item` is a value that stands for each of them.
    """

    reason: str
    where: Place | None = None
    detail: str = ""
    item: Value | None = None


@record
class SymbolicInt(Value):
    """An integer that is a polynomial of tensor sizes."""

    size: Poly


@record(frozen=False, eq=False)
class LoopIndex:
    """Records the questions about one loop index, which decide whether two rounds are alike.

    `outer` records the same index in the code that passed it on. `pinned`: no other index counts as
    alike, so that nothing has to be recorded any more. `handed_on`: not an index, but a constant
    that the code was told by its host; only questions about it count, not where it is passed on to.
    """

    observations: list[Callable[[Any], bool]] = field(default_factory=list)
    outer: LoopIndex | None = None
    pinned: bool = False
    handed_on: bool = False

    def is_within(self, other: LoopIndex) -> bool:
        """Whether this is `other`, or records an index that `other` passed on."""
        return self is other or (self.outer is not None and self.outer.is_within(other))


@record(eq=False)
class TupleValue(Value):
    """A tuple; all its items are known to exist."""

    items: tuple[Value, ...]


@record(eq=False)
class NamedTupleValue(TupleValue):
    """A tuple whose items can also be read by name, such as the result of `torch.topk`.

    `cls` is its class, where that is one of the model's.
    """

    names: tuple[str, ...] = ()
    cls: Value | None = None


LENGTH_DIFFERS = "list-length-differs"
"""The reason where a branch or loop that added to a list may not have run."""
UNDECIDED_ITEM = "undecided-item"
"""The reason where only one of two branches left a key in a dict, or an item in a set."""
PERHAPS_FEWER = (LENGTH_DIFFERS, "undecided-filter")
"""Reasons for which even the known items of a list may be missing."""


@record(eq=False)
class ListValue(Value):
    """A list; with `rest`, any number of further items may follow."""

    items: Sequence[Value]
    rest: Unknown | None = None
    serial: int = field(default_factory=next_serial, repr=False)
    writes: int = field(default=0, repr=False)


@record(eq=False)
class DequeValue(ListValue):
    """A `collections.deque`, which is no list in Python; it holds at most `maxlen` items."""

    maxlen: int | None = None


@record(eq=False)
class IterableValue(ListValue):
    """An iterable that is no list: a range, a view of a dict, an iterator.

    `kind` is the name of its Python type. An iterator gives each item once: the first `given` are
    taken. Behind the known items come those that `source` makes, batch by batch (`asked` counts the
    batches); without a source there are only those for which `rest` is the reason. `disorder` is
    the reason why the items may come in another order. A view shows what is `viewed`.
    """

    kind: str = "generator"
    source: Source | None = None
    given: int = 0
    asked: int = 0
    disorder: Unknown | None = None
    viewed: DictValue | None = None

    @property
    def is_iterator(self) -> bool:
        """Whether it is an iterator: it gives each item once, and has no length."""
        return self.kind not in ("range", "dict_keys", "dict_values", "dict_items")


@record
class Batch:
    """What a source makes in one call: items, and why there may be further ones.

    `ends`: it makes no others. `error`: asked for more than these items, it raises that.
    """

    items: Sequence[Value] = ()
    rest: Unknown | None = None
    ends: bool = False
    error: Ending | None = None


Source = Callable[[IterableValue], Batch]
"""Makes the next items of an iterator when they are needed; may raise what Python raises."""


Key = Hashable


@record(eq=False)
class DictValue(Value):
    """A dict by key (see `key_of`); with `rest`, further keys may be present.

    `places` has the places of keys and values of a dict display. `disorder` is the reason why the
    keys may stand in another order.
    """

    items: Mapping[Key, Value]
    keys: Mapping[Key, Value] = field(default_factory=dict)
    rest: Unknown | None = None
    places: Mapping[Key, tuple[Place, Place]] = field(default_factory=dict)
    serial: int = field(default_factory=next_serial, repr=False)
    writes: int = field(default=0, repr=False)
    disorder: Unknown | None = field(default=None, repr=False)

    def key_values(self) -> list[Value]:
        """The keys as values, in order."""
        return [self.keys.get(key) or _key_value(key) for key in self.items]


@record(eq=False)
class DefaultDictValue(DictValue):
    """A `collections.defaultdict`: `factory` is called for the value of a key that is missing."""

    factory: Value = field(default_factory=lambda: Known(None))


@record(eq=False)
class CounterValue(DictValue):
    """A `collections.Counter`, for which a key that is missing counts 0."""


@record(eq=False)
class SetValue(Value):
    """A set by key (see `key_of`); with `rest`, further items may be present."""

    items: Mapping[Key, Value]
    rest: Unknown | None = None
    serial: int = field(default_factory=next_serial, repr=False)
    writes: int = field(default=0, repr=False)


@record(eq=False)
class FrozenSetValue(SetValue):
    """A frozenset: nothing changes it, so that it is a key itself."""


Collection = ListValue | DictValue | SetValue
"""What can be changed in place; `writes` counts how often it was, `serial` orders it by age."""


def may_have_fewer(collection: Collection) -> bool:
    """Whether even the items that are known may be missing."""
    return collection.rest is not None and collection.rest.reason in PERHAPS_FEWER


@record(eq=False)
class SliceValue(Value):
    """`start:stop:step`; a part that is not written is None."""

    start: Value
    stop: Value
    step: Value


@record(eq=False)
class TensorValue(Value):
    """A tensor on one rank.

    `shape` is what the code on the rank sees (None: even the number of dimensions is unknown; an
    entry None: that size is unknown); `placement` relates it to the tensor of a single rank.
    `dtype` is a torch name such as `float32`, None when unknown. `origin` is the place at which the
    tensor was made. `device` is set while a model is built: `meta` has no values; "" is unknown.
    """

    shape: tuple[Size | None, ...] | None
    placement: Placement = REPLICATE
    dtype: str | None = None
    origin: Place | None = None
    is_parameter: bool = False
    tags: frozenset[str] = frozenset()
    device: str = ""
    viewed: TensorValue | None = field(default=None, repr=False)
    """For a view that is no part of the true value: the tensor whose elements it shows, in order.

    A further view may make a part of it again.
    """
    strides: tuple[Size | None, ...] | None = field(default=None, repr=False)
    """The distance in memory of two neighbours along each dimension (None: not known).

    None as a whole: the elements lie as they stand.
    """

    def copy(self) -> TensorValue:
        """Another tensor, of which all is known that is known of this one."""
        return TensorValue(
            self.shape,
            self.placement,
            self.dtype,
            self.origin,
            self.is_parameter,
            self.tags,
            self.device,
            self.viewed,
            self.strides,
        )


@record
class External(Value):
    """Something in a library whose source is not read, by its dotted name."""

    name: str


@record
class Builtin(Value):
    """A Python builtin function or type, by name."""

    name: str


@record(eq=False)
class Choice(Value):
    """One of several values, depending on a condition that could not be decided."""

    options: tuple[Value, ...]


class _Absent(Value):
    """No value: the name is not bound on this path."""

    __slots__ = ()


class ValueId:
    """A value as a key, equal only to a key of the very same object.

    It keeps the value alive, so that no other object gets its id.
    """

    __slots__ = ("value",)

    def __init__(self, value: Value) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ValueId) and other.value is self.value

    def __hash__(self) -> int:
        return id(self.value)


NONE = Known(None)
TRUE = Known(True)
FALSE = Known(False)
ABSENT = _Absent()


def known(value: Constant) -> Known:
    """The value of a Python constant."""
    return Known(value)


def integer(size: Size | None, reason: str = "unknown-size") -> Value:
    """The value of a size; an unknown one, with `reason`, for None."""
    if size is None:
        return Unknown(reason)
    return SymbolicInt(size) if isinstance(size, Poly) else Known(size)


def size_of(value: Value) -> Size | None:
    """The size that an integer value stands for; None when it is no integer or unknown."""
    if isinstance(value, SymbolicInt):
        return value.size
    if isinstance(value, Known) and isinstance(value.value, int):
        return int(value.value)
    return None


def key_of(value: Value) -> Key:
    """A hashable stand-in: equal constants have equal keys, other values are keys by identity."""
    if isinstance(value, Known):
        if value.loop is not None:
            pin(value)
        return value.value
    return _key_of_items(value, [LARGEST_KEY]) if isinstance(value, _OF_ITEMS) else value


_OF_ITEMS = TupleValue | FrozenSetValue
LARGEST_KEY = 10_000
"""The most parts of a tuple used as a key; a part that occurs twice counts twice, as for a hash."""


def _key_of_items(value: TupleValue | FrozenSetValue, room: list[int]) -> Key:
    """The tuple or set of the items' keys; `room` is what is left of `LARGEST_KEY`."""
    room[0] -= len(value.items)
    if room[0] < 0:
        raise BudgetExceeded("large-key")
    if isinstance(value, FrozenSetValue):
        return frozenset(value.items)
    return tuple(
        _key_of_items(item, room) if isinstance(item, _OF_ITEMS) else key_of(item)
        for item in value.items
    )


def parts_of(value: TupleValue) -> Iterator[Value]:
    """What a tuple holds that is no tuple, in order; one that it holds twice is walked once."""
    walks, met = [iter(value.items)], {value}
    while walks:
        each = next(walks[-1], None)
        if each is None:
            walks.pop()
        elif not isinstance(each, TupleValue):
            yield each
        elif each not in met:
            met.add(each)
            walks.append(iter(each.items))


def pin(index: Known) -> None:
    """From now on no other index counts as alike."""
    loop, number = index.loop, index.value
    if loop is not None and not loop.pinned and not loop.handed_on:
        loop.pinned = True
        loop.observations[:] = [lambda other: other == number]


def keyed(names: Mapping[str, Value]) -> dict[Key, Value]:
    """Values by name as the items of a dict value."""
    return {name: value for name, value in names.items()}  # noqa: C416 (Key is wider than str)


def _key_value(key: Key) -> Value:
    if isinstance(key, Value):
        return key
    if isinstance(key, tuple):
        return TupleValue(tuple(_key_value(item) for item in key))
    if isinstance(key, frozenset):
        return FrozenSetValue({item: _key_value(item) for item in key})
    return Known(key)  # type: ignore[arg-type]


@record(frozen=False)
class Arguments:
    """The arguments of a call. `rest` is set when `*args` or `**kwargs` held unknown ones."""

    positional: list[Value] = field(default_factory=list)
    keywords: dict[str, Value] = field(default_factory=dict)
    rest: Unknown | None = None

    def all(self) -> list[Value]:
        """Every value that is passed."""
        return [*self.positional, *self.keywords.values()]
