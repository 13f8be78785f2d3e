"""What the interpreter computes with. No syntax trees are evaluated here and nothing is read."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import count
from types import EllipsisType
from typing import TYPE_CHECKING

from forgather_lint.source import Place
from forgather_lint.values.dims import Poly, Size
from forgather_lint.values.placement import REPLICATE, Placement, Undecided, Wrong

if TYPE_CHECKING:
    import libcst as cst

Constant = None | bool | int | float | complex | str | bytes | EllipsisType


class Value:
    """Base of everything an expression can evaluate to. Identity is the identity of the object."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Known(Value):
    """A Python constant. `loop` marks an index of a loop whose rounds may be alike."""

    value: Constant
    loop: LoopIndex | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True, eq=False)
class Unknown(Value):
    """A value that could not be decided; `reason` is short and countable, `detail` says more."""

    reason: str
    where: Place | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class SymbolicInt(Value):
    """An integer that is a polynomial of tensor sizes."""

    size: Poly


@dataclass(slots=True, eq=False)
class LoopIndex:
    """Watches one loop index: what was asked of it decides whether two rounds are alike."""

    observations: list[Callable[[int], bool]] = field(default_factory=list)


@dataclass(frozen=True, slots=True, eq=False)
class TupleValue(Value):
    items: tuple[Value, ...]


@dataclass(frozen=True, slots=True, eq=False)
class NamedTupleValue(TupleValue):
    """A tuple whose items can be read by name too, such as what `torch.topk` returns."""

    names: tuple[str, ...] = ()


@dataclass(slots=True, eq=False)
class ListValue(Value):
    """A list; with `rest`, any number of further items may follow."""

    items: list[Value]
    rest: Unknown | None = None


Key = Hashable


@dataclass(slots=True, eq=False)
class DictValue(Value):
    """A dict by key (see `key_of`); with `rest`, further keys may be present.

    `places` tells where keys and values that a display holds are written.
    """

    items: dict[Key, Value]
    keys: dict[Key, Value] = field(default_factory=dict)
    rest: Unknown | None = None
    places: dict[Key, tuple[Place, Place]] = field(default_factory=dict)

    def key_values(self) -> list[Value]:
        return [self.keys.get(key) or _key_value(key) for key in self.items]


@dataclass(slots=True, eq=False)
class SetValue(Value):
    items: dict[Key, Value]
    rest: Unknown | None = None


@dataclass(frozen=True, slots=True, eq=False)
class SliceValue(Value):
    start: Value
    stop: Value
    step: Value


@dataclass(frozen=True, slots=True, eq=False)
class TensorValue(Value):
    """A tensor on one rank.

    `shape` is what the code on the rank sees (None: even the rank is unknown; a None entry: that
    size is unknown); `placement` relates it to the tensor of a single rank. `dtype` is a torch name
    such as `float32`, None when unknown. `origin` is where the tensor was made. `contents` holds
    the integers of a small constant tensor.
    """

    shape: tuple[Size | None, ...] | None
    placement: Placement = REPLICATE
    dtype: str | None = None
    origin: Place | None = None
    is_parameter: bool = False
    tags: frozenset[str] = frozenset()
    viewed: TensorValue | None = field(default=None, repr=False)
    """Where a view left no part of the true value: the tensor whose elements it shows, in order.

    Another view may still make a part of them."""


@dataclass(frozen=True, slots=True)
class External(Value):
    """Something of a library whose source is not read, by its dotted name."""

    name: str


@dataclass(frozen=True, slots=True, eq=False)
class Builtin(Value):
    """A Python builtin function or type, by name."""

    name: str


@dataclass(slots=True, eq=False)
class Namespace(Value):
    """A module of Python code whose source was read: its globals."""

    name: str
    globals: dict[str, Value]


@dataclass(slots=True, eq=False)
class Scope:
    """Names visible to a function: its own, then those of the functions around it."""

    names: dict[str, Value]
    outer: Scope | None
    namespace: Namespace
    declared_global: set[str] = field(default_factory=set)
    declared_nonlocal: set[str] = field(default_factory=set)
    of_class: bool = False
    """The body of a class: its names are not visible in the functions it defines."""


@dataclass(slots=True, eq=False)
class FunctionValue(Value):
    """A function or lambda with the scope it was made in. `owner` is the class it stands in."""

    name: str
    node: cst.FunctionDef | cst.Lambda
    scope: Scope
    defaults: dict[str, Value]
    where: Place
    owner: ClassValue | None = None
    decorators: tuple[Value, ...] = ()
    attributes: dict[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class BoundMethod(Value):
    """A callable with its first argument."""

    receiver: Value
    function: Value


@dataclass(frozen=True, slots=True, eq=False)
class StaticMethod(Value):
    function: Value


@dataclass(frozen=True, slots=True, eq=False)
class ClassMethod(Value):
    function: Value


@dataclass(frozen=True, slots=True, eq=False)
class Property(Value):
    getter: Value
    setter: Value | None = None
    cached: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class PartialCall(Value):
    """`functools.partial(function, ...)`."""

    function: Value
    positional: tuple[Value, ...]
    keywords: Mapping[str, Value]


@dataclass(frozen=True, slots=True, eq=False)
class LibraryMethod(Value):
    """A method of a value of a library, such as `Tensor.view`, bound to its receiver."""

    receiver: Value
    name: str


@dataclass(slots=True, eq=False)
class ClassValue(Value):
    """A class whose source was read; `bases` may hold library classes and unknowns."""

    name: str
    qualified: str
    bases: tuple[Value, ...]
    namespace: dict[str, Value]
    node: cst.ClassDef | None
    where: Place
    scope: Scope
    places: dict[str, Place] = field(default_factory=dict)
    decorators: tuple[Value, ...] = ()
    order: tuple[ClassValue | External | Unknown, ...] | None = None

    def __repr__(self) -> str:
        return f"<class {self.qualified}>"


_SERIALS = count()


def next_serial() -> int:
    """A number that orders objects by the time they were made."""
    return next(_SERIALS)


@dataclass(slots=True, eq=False)
class Instance(Value):
    """An object of a class whose source was read, or of a library class (`External`).

    `hidden` names the attributes that went around `__setattr__` (`self.__dict__[...]`), `buffers`
    those set by `register_buffer` (value: persistent). `where` is the expression that built it.
    `twin` is the instance it was copied from when a loop built many alike.
    """

    cls: ClassValue | External
    attributes: dict[str, Value]
    where: Place
    hidden: set[str] = field(default_factory=set)
    buffers: dict[str, bool] = field(default_factory=dict)
    places: dict[str, Place] = field(default_factory=dict)
    open: Unknown | None = None
    twin: Instance | None = None
    serial: int = field(default_factory=next_serial)

    def __repr__(self) -> str:
        name = self.cls.name if isinstance(self.cls, External) else self.cls.qualified
        return f"<{name} object>"


@dataclass(frozen=True, slots=True, eq=False)
class Super(Value):
    """`super()`: attribute search in the order of `receiver` after `after`."""

    receiver: Instance | ClassValue
    after: ClassValue


@dataclass(frozen=True, slots=True, eq=False)
class AttributeDict(Value):
    """`instance.__dict__`."""

    instance: Instance


@dataclass(frozen=True, slots=True, eq=False)
class Choice(Value):
    """One of several values, by a condition that could not be decided."""

    options: tuple[Value, ...]


class _Absent(Value):
    """No value: the name is not bound on this path."""

    __slots__ = ()


NONE = Known(None)
TRUE = Known(True)
FALSE = Known(False)
ABSENT = _Absent()


def known(value: Constant) -> Known:
    """The value of a Python constant."""
    return Known(value)


def integer(size: Size | None, reason: str = "unknown-size") -> Value:
    """The value of a size."""
    if size is None:
        return Unknown(reason)
    return SymbolicInt(size) if isinstance(size, Poly) else Known(size)


def size_of(value: Value) -> Size | None:
    """The size that an integer value stands for, None when it is none or unknown."""
    if isinstance(value, SymbolicInt):
        return value.size
    if isinstance(value, Known) and isinstance(value.value, int):
        return int(value.value)
    return None


def key_of(value: Value) -> Key:
    """A hashable stand-in: equal constants are one key, other values are keys by identity."""
    if isinstance(value, Known):
        if value.loop is not None:
            value.loop.observations.append(lambda index: index == value.value)
        return value.value
    if isinstance(value, TupleValue):
        return tuple(key_of(item) for item in value.items)
    if isinstance(value, External | SymbolicInt):
        return value
    return value


def keyed(names: Mapping[str, Value]) -> dict[Key, Value]:
    """Named values as the items of a dict value."""
    return {name: value for name, value in names.items()}  # noqa: C416 (Key is wider than str)


def _key_value(key: Key) -> Value:
    if isinstance(key, Value):
        return key
    if isinstance(key, tuple):
        return TupleValue(tuple(_key_value(item) for item in key))
    return Known(key)  # type: ignore[arg-type]


MOST_OPTIONS = 4


def join(values: Iterable[Value]) -> Value:
    """The value that is one of `values`; equal ones count once."""
    options: list[Value] = []
    for value in values:
        for option in value.options if isinstance(value, Choice) else (value,):
            if not any(same(option, other) for other in options):
                options.append(option)
    if len(options) > 1 and all(_is_computed(option) for option in options):
        return _join_tensors([option for option in options if isinstance(option, TensorValue)])
    unknown = next((option for option in options if isinstance(option, Unknown)), None)
    if unknown is not None and len(options) > 1 and not _worth_keeping(options):
        return unknown
    if len(options) == 1:
        return options[0]
    return Choice(tuple(options)) if len(options) <= MOST_OPTIONS else Unknown("many-options")


def _is_computed(value: Value) -> bool:
    return isinstance(value, TensorValue) and not value.is_parameter


def _join_tensors(tensors: list[TensorValue]) -> Value:
    """One tensor that may be any of `tensors`: what they agree on, and the worst placement."""
    first = tensors[0]
    placements = [tensor.placement for tensor in tensors]
    wrong = next((each for each in placements if isinstance(each, Wrong)), None)
    agreed = all(each == placements[0] for each in placements)
    return TensorValue(
        shape=_join_shapes([tensor.shape for tensor in tensors]),
        placement=wrong or (placements[0] if agreed else Undecided("placement-by-condition")),
        dtype=first.dtype if all(t.dtype == first.dtype for t in tensors) else None,
        origin=first.origin,
    )


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
    """Whether the two are surely one value."""
    if left is right:
        return True
    if isinstance(left, Known) and isinstance(right, Known):
        return type(left.value) is type(right.value) and left.value == right.value
    if isinstance(left, TensorValue) and isinstance(right, TensorValue):
        return _same_tensor(left, right)
    if isinstance(left, TupleValue) and isinstance(right, TupleValue):
        return len(left.items) == len(right.items) and all(map(same, left.items, right.items))
    return isinstance(left, SymbolicInt | External) and left == right


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


@dataclass(slots=True)
class Arguments:
    """The arguments of a call. `rest` is set when `*args` or `**kwargs` held unknown ones."""

    positional: list[Value] = field(default_factory=list)
    keywords: dict[str, Value] = field(default_factory=dict)
    rest: Unknown | None = None

    def all(self) -> list[Value]:
        return [*self.positional, *self.keywords.values()]
