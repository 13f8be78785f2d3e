"""Whether two values are equal, as far as that can be decided."""

from __future__ import annotations

from typing import TYPE_CHECKING

from forgather_lint.core.source import Place
from forgather_lint.python.interpreter.classes import find_member, order_of
from forgather_lint.python.interpreter.hashing import is_told_apart
from forgather_lint.python.values import dims
from forgather_lint.python.values.cost import cost
from forgather_lint.python.values.loop_index import decide
from forgather_lint.python.values.objects import (
    AttributeDict,
    BoundMethod,
    ClassValue,
    FunctionValue,
    Instance,
    LibraryMethod,
)
from forgather_lint.python.values.value import (
    Arguments,
    Builtin,
    Choice,
    Constant,
    CounterValue,
    DequeValue,
    DictValue,
    External,
    IterableValue,
    Known,
    ListValue,
    SetValue,
    SliceValue,
    SymbolicInt,
    TensorValue,
    TupleValue,
    Unknown,
    Value,
    size_of,
)

if TYPE_CHECKING:
    from forgather_lint.python.interpreter.machine import Machine


def equals(machine: Machine, left: Value, right: Value, where: Place) -> bool | None:
    """`left == right`; None when it cannot be decided."""
    return _Comparing(machine, where).equal(left, right)


class _Comparing:
    """One comparison; a pair of containers that recurs inside itself is compared once."""

    def __init__(self, machine: Machine, where: Place) -> None:
        self._machine = machine
        self._where = where
        self._known: dict[tuple[Value, Value], bool | None] = {}

    def equal(self, left: Value, right: Value) -> bool | None:
        """Whether `left` and `right` are equal."""
        if isinstance(left, Known) and isinstance(right, Known):
            return decide(_equal_constants, left, right)
        if isinstance(left, Unknown | Choice) or isinstance(right, Unknown | Choice):
            return None
        if isinstance(left, Instance) or isinstance(right, Instance):
            return self._objects(left, right)
        if isinstance(left, _CONTAINERS) and isinstance(right, _CONTAINERS):
            key = left, right
            if key not in self._known:
                self._machine.budget.spend(1 + cost(left))
                self._known[key] = self._containers(left, right)
            return self._known[key]
        if isinstance(left, SliceValue) and isinstance(right, SliceValue):
            parts = (left.start, left.stop, left.step)
            return self._items(parts, (right.start, right.stop, right.step))
        return _single(left, right)

    def _objects(self, left: Value, right: Value) -> bool | None:
        """Equality of objects: Python asks the left, then the right one, then compares identity."""
        for one, other in ((left, right), (right, left)):
            if not isinstance(one, Instance):
                continue
            own = find_member(self._machine, one.cls, "__eq__")
            if own is not None:
                if not isinstance(own.value, FunctionValue):
                    return None
                given = Arguments([one, other])
                return self._machine.truth(self._machine.call(own.value, given, self._where))
        if left is right:
            return True
        return None if any(map(self._may_say, (left, right))) else False

    def _may_say(self, value: Value) -> bool:
        """Whether the class of an object may have an `__eq__` that is not visible here."""
        if not isinstance(value, Instance):
            return isinstance(value, TensorValue)
        order = order_of(self._machine, value.cls)
        made = (each.decorators for each in order if isinstance(each, ClassValue))
        return any(isinstance(each, Unknown) for each in order) or any(
            _writes_methods(each) for decorators in made for each in decorators
        )

    def _containers(self, left: Value, right: Value) -> bool | None:
        match left, right:
            case TupleValue(), TupleValue():
                return self._items(left.items, right.items)
            case IterableValue() | ListValue(), IterableValue() | ListValue() if isinstance(
                left, IterableValue
            ) or isinstance(right, IterableValue):
                return self._iterables(left, right)
            case ListValue(), ListValue():
                if isinstance(left, DequeValue) is not isinstance(right, DequeValue):
                    return False
                if left.rest is not None or right.rest is not None:
                    return None
                return self._items(tuple(left.items), tuple(right.items))
            case DictValue(), DictValue():
                return self._dicts(left, right)
            case SetValue(), SetValue():
                return _keys_agree(left, right)
        return False

    def _iterables(self, left: ListValue, right: ListValue) -> bool | None:
        """Ranges are equal by their numbers, key views as sets; an iterator equals only itself."""
        kinds = [each.kind for each in (left, right) if isinstance(each, IterableValue)]
        if len(kinds) == 2 and kinds[0] == kinds[1] == "range":
            return self._items(tuple(left.items), tuple(right.items))
        if all(kind in ("dict_keys", "dict_items") for kind in kinds) and len(kinds) == 2:
            return None
        return left is right

    def _items(self, left: tuple[Value, ...], right: tuple[Value, ...]) -> bool | None:
        if len(left) != len(right):
            return False
        undecided = False
        for one, other in zip(left, right, strict=True):
            equal = True if one is other else self.equal(one, other)
            if equal is False:
                return False
            undecided = undecided or equal is None
        return None if undecided else True

    def _dicts(self, left: DictValue, right: DictValue) -> bool | None:
        agree = _keys_agree(left, right)
        if agree is not True:
            both_count = isinstance(left, CounterValue) and isinstance(right, CounterValue)
            return None if both_count else agree  # a key that is missing counts 0
        values = tuple(left.items.values())
        return self._items(values, tuple(right.items[key] for key in left.items))


_CONTAINERS = TupleValue | ListValue | DictValue | SetValue


def _keys_agree(left: DictValue | SetValue, right: DictValue | SetValue) -> bool | None:
    if left.rest is not None or right.rest is not None:
        return None
    if left.items.keys() == right.items.keys():
        return True
    return False if all(map(is_told_apart, (*left.items, *right.items))) else None


def _equal_constants(left: Constant, right: Constant) -> bool:
    return left == right


def _writes_methods(decorator: Value) -> bool:
    """Whether a class decorator may add an `__eq__`, as `dataclass` does."""
    named = decorator.name if isinstance(decorator, External) else ""
    return isinstance(decorator, Unknown) or named.endswith("dataclass")


def _single(left: Value, right: Value) -> bool | None:
    """Equality of two values one of which is no container."""
    sizes = size_of(left), size_of(right)
    if sizes[0] is not None and sizes[1] is not None:
        sign = dims.compare_any(sizes[0], sizes[1])
        return None if sign is None else sign == 0
    if isinstance(left, SymbolicInt | TensorValue) or isinstance(right, SymbolicInt | TensorValue):
        return None
    return is_one(left, right)


def is_one(left: Value, right: Value) -> bool:
    """Whether two values that are no constants are one object, or the same bound method of one."""
    match left, right:
        case (Builtin(one), Builtin(other)) | (External(one), External(other)):
            return one == other
        case BoundMethod(), BoundMethod():
            return left.receiver is right.receiver and is_one(left.function, right.function)
        case LibraryMethod(), LibraryMethod():
            return left.receiver is right.receiver and left.name == right.name
        case AttributeDict(), AttributeDict():
            return left.instance is right.instance
    return left is right
