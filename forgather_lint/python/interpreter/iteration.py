"""Iteration over values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

from forgather_lint.python.interpreter.budget import MOST_ITEMS, MOST_ROUNDS, BudgetExceeded
from forgather_lint.python.interpreter.classes import find_member
from forgather_lint.python.interpreter.frame import Raised, cause_of
from forgather_lint.python.interpreter.hashing import disorder_of, in_order
from forgather_lint.python.values.objects import AttributeDict, Instance
from forgather_lint.python.values.type_names import is_iterable, type_name
from forgather_lint.python.values.value import (
    Arguments,
    Batch,
    Choice,
    DictValue,
    IterableValue,
    Known,
    ListValue,
    SetValue,
    Source,
    TensorValue,
    TupleValue,
    Unknown,
    Value,
    known,
    may_have_fewer,
)

if TYPE_CHECKING:
    from forgather_lint.core.source import Place
    from forgather_lint.python.interpreter.machine import Machine
    from forgather_lint.python.values.endings import Ending


def items_of(
    machine: Machine, value: Value, where: Place | None = None, *, any_order: bool = False
) -> tuple[list[Value], Unknown | None]:
    """The items of `value`, and why there may be more (None: there are no others).

    Raises `Raised` for a constant that surely cannot be iterated over; `where` is the place to
    blame. Unless the caller takes them in `any_order`, an order that is not known leaves the rest
    of the run unproved.
    """
    if not any_order:
        ask_for_order(machine, value, where)
    match value:
        case IterableValue() if value.is_iterator:
            return _all_of(machine, value), value.rest
        case ListValue() | DictValue() | SetValue() if may_have_fewer(value):
            return [], value.rest
        case ListValue():
            return list(value.items), value.rest
        case TupleValue():
            return list(value.items), None
        case DictValue():
            return value.key_values(), value.rest
        case SetValue():
            return in_order(value), value.rest
        case Known(str() | bytes() as text):
            if not machine.budget.has_room(len(text)):
                return [], Unknown("many-items", where)
            return [known(letter) for letter in text], None
        case AttributeDict(instance):
            return [known(name) for name in instance.attributes], instance.open
        case Instance():
            of_it = _iterator_of_instance(machine, value, where or value.where, "iterator")
            return _all_of(machine, of_it), of_it.rest
        case Choice():
            return _items_of_choice(machine, value, where, any_order)
        case Unknown():
            return [], value
    if where is not None and is_iterable(value) is False:
        text = f"'{type_name(value)}' object is not iterable"
        raise Raised("TypeError", text, where, cause=cause_of(value))
    if machine.library.handles(value):
        return _items_of_library_value(machine, value, where)
    return [], Unknown("unmodelled-iteration", where)


def ask_for_order(machine: Machine, value: Value, where: Place | None) -> None:
    """What follows rests on the order of the items of `value`."""
    disorder = disorder_of(value, where)
    if disorder is not None:
        machine.assume(disorder)


def iterator_over(
    machine: Machine, value: Value, where: Place, kind: str = "iterator"
) -> IterableValue:
    """`iter(value)`: an iterator of type `kind`. A list may still grow while it is used.

    Raises `Raised` for what cannot be iterated over.
    """
    match value:
        case IterableValue() if value.is_iterator:
            return value
        case ListValue() if len(value.items) <= MOST_ITEMS and not may_have_fewer(value):
            return IterableValue([], kind=kind, source=partial(_of_list, value))
        case Instance():
            return _iterator_of_instance(machine, value, where, kind)
    items, rest = machine.items_of(value, where, any_order=True)
    return IterableValue(items, rest, kind=kind, disorder=disorder_of(value, where))


def _of_list(owner: ListValue, iterator: IterableValue) -> Batch:
    if iterator.asked < len(owner.items) and not may_have_fewer(owner):
        return Batch([owner.items[iterator.asked]])
    return Batch(rest=owner.rest, ends=True)


def take(machine: Machine, iterator: IterableValue) -> Value | None:
    """The next item; None where there is none, or none that is known: see `iterator.rest`."""
    ask_for_order(machine, iterator, None)
    return some(machine, iterator)


def some(machine: Machine, iterator: IterableValue) -> Value | None:
    """One of the items that are left, for a caller to whom their order makes no difference."""
    trail = machine.trail
    while iterator.given >= len(iterator.items):
        source = iterator.source
        if source is None:
            return None
        batch = _asked(machine, iterator, source)
        items, rest = batch.items, iterator.rest or batch.rest
        following = None if batch.ends or rest is not None else source
        if batch.error is not None:
            following = partial(_raising, batch.error)
        given = 1 if items else 0
        kept = items if len(items) > 1 else ()
        trail.advance(iterator, items=kept, given=given if kept else 0, source=following, rest=rest)
        machine.budget.pay_for_item()
        if items:
            return items[0]
    item = iterator.items[iterator.given]
    trail.advance(
        iterator,
        items=iterator.items,
        given=iterator.given + 1,
        source=iterator.source,
        rest=iterator.rest,
    )
    return item


def untouched(iterator: IterableValue) -> Sequence[Value] | None:
    """All items of an iterator over an existing list of which none was taken yet; else None."""
    if iterator.rest is not None or iterator.given or iterator.asked:
        return None
    if iterator.source is None:
        return iterator.items
    of = iterator.source
    if isinstance(of, partial) and of.func is _of_list and of.args[0].rest is None:
        items: Sequence[Value] = of.args[0].items
        return items
    return None


def _asked(machine: Machine, iterator: IterableValue, source: Source) -> Batch:
    """The next batch of `source`; a generator that has raised gives no more items."""
    try:
        return source(iterator)
    except Raised as error:
        error.doubt = error.doubt or iterator.disorder  # another item may be the first that raises
        if iterator.kind == "generator":
            machine.trail.advance(iterator, items=(), given=0, source=None, rest=None)
        raise


def _raising(error: Ending, _: IterableValue) -> Batch:
    raise error


def _all_of(machine: Machine, iterator: IterableValue) -> list[Value]:
    """All items that are left."""
    if iterator.source is None:
        left = list(iterator.items[iterator.given :])
        if left:
            machine.trail.advance(iterator, items=(), given=0, source=None, rest=iterator.rest)
        return left
    return list(Rounds(machine, iterator, any_order=True))


class Rounds:
    """The items of a loop; each is taken only when the round before it is over."""

    def __init__(
        self, machine: Machine, iterator: IterableValue, *, any_order: bool = False
    ) -> None:
        self._machine = machine
        self._iterator = iterator
        self._take = some if any_order else take

    def __iter__(self) -> Iterator[Value]:
        for _ in range(MOST_ROUNDS):
            item = self._take(self._machine, self._iterator)
            if item is None:
                return
            yield item
        raise BudgetExceeded("loop-budget")

    @property
    def rest(self) -> Unknown | None:
        """Why there may be further items behind the last, None if there are none."""
        return self._iterator.rest

    @property
    def disorder(self) -> Unknown | None:
        """Why the items may come in another order."""
        return self._iterator.disorder


def rounds(machine: Machine, value: Value, where: Place, *, any_order: bool = False) -> Rounds:
    """The rounds of a loop over `value`; the loop is at `where`."""
    return Rounds(machine, iterator_over(machine, value, where), any_order=any_order)


def _iterator_of_instance(
    machine: Machine, value: Instance, where: Place, kind: str
) -> IterableValue:
    member = find_member(machine, value.cls, "__iter__")
    if member is None or isinstance(member.value, Unknown):
        return IterableValue([], _of_unmodelled(value))
    result = machine.call(member.value, Arguments([value]), where)
    if isinstance(result, Instance):
        return iterator_of_object(machine, result, where, kind)
    return iterator_over(machine, result, where, kind)


def iterator_of_object(
    machine: Machine, value: Instance, where: Place, kind: str = "iterator"
) -> IterableValue:
    """An iterator that calls `__next__` of an object."""
    member = find_member(machine, value.cls, "__next__")
    if member is None or isinstance(member.value, Unknown):
        return IterableValue([], _of_unmodelled(value))

    def asked(_: IterableValue) -> Batch:
        try:
            return Batch([machine.call(member.value, Arguments([value]), where)])
        except Raised as error:
            if error.kind != "StopIteration":
                raise
            return Batch(rest=error.doubt, ends=True)

    return IterableValue([], kind=kind, source=asked)


def _of_unmodelled(value: Instance) -> Unknown:
    return Unknown("iteration-of-unmodelled-object", value.where, repr(value))


def pairs_of(
    machine: Machine, source: Value, where: Place
) -> tuple[list[tuple[Value, Value]], Unknown | None]:
    """The pairs of `dict(source)`, for a source that is no mapping, and why there may be more.

    Raises `Raised` for a source that surely has no pairs.
    """
    if isinstance(source, Instance):
        return [], Unknown("unknown-dict", where)  # it may have `keys`
    turns, pairs = rounds(machine, source, where), list[tuple[Value, Value]]()
    rest: Unknown | None = None
    for number, item in enumerate(turns):
        if is_iterable(item) is False:
            text = f"cannot convert dictionary update sequence element #{number} to a sequence"
            raise Raised("TypeError", text, where)
        parts, more = machine.items_of(item, where)
        if more is not None:
            rest = more
        elif len(parts) != 2:
            text = f"dictionary update sequence element #{number} has length {len(parts)}"
            raise Raised("ValueError", f"{text}; 2 is required", where)
        else:
            pairs.append((parts[0], parts[1]))
    return pairs, turns.rest or rest


def _items_of_choice(
    machine: Machine, value: Choice, where: Place | None, any_order: bool
) -> tuple[list[Value], Unknown | None]:
    options = [items_of(machine, each, where, any_order=any_order) for each in value.options]
    longest = max(options, key=lambda option: len(option[0]))
    why = Unknown("choice-of-iterables", where)
    machine.assume(why)
    return longest[0], why


def _items_of_library_value(
    machine: Machine, value: Value, where: Place | None
) -> tuple[list[Value], Unknown | None]:
    name = "Tensor.__iter__"
    where = where or (value.origin if isinstance(value, TensorValue) else None)
    if where is None or not machine.library.has(name):
        return [], Unknown("unmodelled-iteration", where)
    result = machine.library.call(machine, name, Arguments([value]), where)
    if isinstance(result, ListValue | TupleValue):
        return items_of(machine, result, where)
    return [], result if isinstance(result, Unknown) else Unknown("unmodelled-iteration", where)
