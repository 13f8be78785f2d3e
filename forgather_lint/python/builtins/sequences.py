"""Builtins that make sequences or iterate over them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from forgather_lint.python.interpreter.classes import find_member
from forgather_lint.python.interpreter.dispatch import builtin, machine_of
from forgather_lint.python.interpreter.frame import Raised
from forgather_lint.python.interpreter.hashing import disorder_of, is_told_apart
from forgather_lint.python.interpreter.iteration import (
    ask_for_order,
    iterator_of_object,
    iterator_over,
    pairs_of,
    some,
    take,
)
from forgather_lint.python.interpreter.library import Site
from forgather_lint.python.interpreter.literals import NewDict
from forgather_lint.python.interpreter.subscripts import index_of
from forgather_lint.python.values import dims
from forgather_lint.python.values.joining import join
from forgather_lint.python.values.loop_index import pinned
from forgather_lint.python.values.objects import AttributeDict, FunctionValue, Instance
from forgather_lint.python.values.type_names import is_iterable, type_name
from forgather_lint.python.values.value import (
    ABSENT,
    NONE,
    Arguments,
    Batch,
    Builtin,
    Choice,
    DictValue,
    IterableValue,
    Known,
    ListValue,
    LoopIndex,
    SetValue,
    SliceValue,
    SymbolicInt,
    TupleValue,
    Unknown,
    Value,
    key_of,
    known,
    size_of,
)

if TYPE_CHECKING:
    from forgather_lint.python.interpreter.machine import Machine


def check_whole(site: Site, number: Value) -> None:
    """Raise what Python raises for a `number` that is surely not an integer."""
    if is_no_number(number):
        text = f"'{type_name(number)}' object cannot be interpreted as an integer"
        raise Raised("TypeError", text, site.where)


def is_no_number(value: Value) -> bool:
    """Whether a value surely is not an integer."""
    is_constant = isinstance(value, Known) and not isinstance(value.value, int)
    return is_constant or isinstance(value, _NO_NUMBER)


_NO_NUMBER = TupleValue | ListValue | DictValue | SetValue | SliceValue | FunctionValue | Builtin


@builtin("range")
def range_(site: Site, *bounds: Value) -> Value:
    machine = machine_of(site)
    for bound in bounds:
        machine.library.read_number(machine, bound, site.where)
    numbers = [index_of(pinned(bound)) for bound in bounds]
    _check_range(site, bounds)
    if any(number is None for number in numbers):
        reason = next((b for b in bounds if isinstance(b, Unknown)), _some_range(site, bounds))
        return IterableValue(_surely_there(bounds), reason, kind="range")
    span = range(*(number for number in numbers if number is not None))
    if not machine_of(site).budget.has_room(_length(span)):
        return IterableValue([], site.unknown("many-rounds"), kind="range")
    return IterableValue([Known(i, LoopIndex()) for i in span], kind="range")


def _check_range(site: Site, bounds: tuple[Value, ...]) -> None:
    """Raise what Python raises where `range` surely does."""
    if not 0 < len(bounds) < 4:
        size = "at least 1 argument" if not bounds else "at most 3 arguments"
        text = f"range expected {size}, got {len(bounds)}"
        raise Raised("TypeError", text, site.where)
    for bound in bounds:
        check_whole(site, bound)
    if len(bounds) == 3 and index_of(bounds[2]) == 0:
        raise Raised("ValueError", "range() arg 3 must not be zero", site.where)


def _some_range(site: Site, bounds: tuple[Value, ...]) -> Unknown:
    """A range of unknown numbers, which are the same on every rank."""
    sizes = [size_of(bound) for bound in bounds]
    if any(size is None or dims.depends_on_rank(size) for size in sizes):
        return site.unknown("symbolic-range")
    index = SymbolicInt(dims.anything(f"index at {site.where.span}"))
    return Unknown("symbolic-range", site.where, item=index)


def _surely_there(bounds: tuple[Value, ...]) -> list[Value]:
    """The first numbers of a range over a tensor size: some prompt has at least two tokens."""
    end = size_of(bounds[0]) if len(bounds) == 1 else None
    if end is None or dims.depends_on_rank(end) or not dims.counts_tokens(end):
        return []
    return [Known(0), Known(1)] if dims.compare(end, 1) == 1 else []


def _length(span: range) -> int:
    """The length of the range; raises as `len` does where it does not fit in a machine word."""
    return max(0, (span.stop - span.start + span.step - (1 if span.step > 0 else -1)) // span.step)


@builtin("len")
def len_(site: Site, obj: Value) -> Value:
    machine = machine_of(site)
    match obj:
        case IterableValue() if obj.is_iterator:
            raise Raised("TypeError", f"object of type '{obj.kind}' has no len()", site.where)
        case ListValue() | DictValue() | SetValue():
            return obj.rest or _perhaps_fewer(site, obj) or known(len(obj.items))
        case TupleValue(items):
            return known(len(items))
        case AttributeDict(instance):
            return known(len(instance.attributes))
        case Known(str() | bytes() as text):
            return known(len(text))
        case Instance():
            member = find_member(machine, obj.cls, "__len__")
            if member is not None and not isinstance(member.value, Unknown):
                return machine.call(member.value, Arguments([obj]), site.where)
        case Known(value):
            text = f"object of type '{type(value).__name__}' has no len()"
            raise Raised("TypeError", text, site.where)
    if machine.library.handles(obj):
        return machine.library.call(machine, "operator.len", Arguments([obj]), site.where)
    return obj if isinstance(obj, Unknown) else site.unknown("unmodelled-length")


def _perhaps_fewer(site: Site, obj: ListValue | DictValue | SetValue) -> Unknown | None:
    """The reason why an item may be missing.

    Only one of two branches added or deleted it, or it is equal to another.
    """
    is_list = isinstance(obj, ListValue)
    if not is_list and len(obj.items) > 1 and not all(map(is_told_apart, obj.items)):
        return site.unknown("undecided-equality")
    items = obj.items if isinstance(obj, ListValue) else obj.items.values()
    choices = (each.options for each in items if isinstance(each, Choice))
    return site.unknown("undecided-item") if any(ABSENT in each for each in choices) else None


@builtin("list")
def list_(site: Site, iterable: Value | None = None) -> Value:
    items, rest = machine_of(site).items_of(iterable, site.where) if iterable else ([], None)
    return ListValue(items, rest)


@builtin("tuple")
def tuple_(site: Site, iterable: Value | None = None) -> Value:
    items, rest = machine_of(site).items_of(iterable, site.where) if iterable else ([], None)
    return TupleValue(tuple(items)) if rest is None else ListValue(items, rest)


@builtin("iter")
def iter_(site: Site, iterable: Value) -> Value:
    name = type_name(iterable)
    kind = _ITERATORS.get(name, f"{name}_iterator")
    return iterator_over(machine_of(site), iterable, site.where, kind)


_ITERATORS = {
    "dict": "dict_keyiterator",
    "dict_keys": "dict_keyiterator",
    "dict_values": "dict_valueiterator",
    "dict_items": "dict_itemiterator",
}
"""The name of the iterator type for these types; for others it is `list_iterator` and the like."""


@builtin("next")
def next_(site: Site, iterator: Value, default: Value | None = None) -> Value:
    if isinstance(iterator, Known | TupleValue | ListValue | DictValue | SetValue) and not (
        isinstance(iterator, IterableValue) and iterator.is_iterator
    ):
        raise Raised("TypeError", f"'{type_name(iterator)}' object is not an iterator", site.where)
    machine = machine_of(site)
    if isinstance(iterator, Instance):
        iterator = iterator_of_object(machine, iterator, site.where)
    if not isinstance(iterator, IterableValue):
        return iterator if isinstance(iterator, Unknown) else site.unknown("unmodelled-iteration")
    item = take(machine, iterator)
    if item is not None:
        return item
    if iterator.rest is not None:
        return iterator.rest if default is None else join([iterator.rest, default])
    if default is None:
        raise Raised("StopIteration", "", site.where)
    return default


@builtin("dict")
def dict_(site: Site, source: Value | None = None, **keywords: Value) -> Value:
    new = NewDict(machine_of(site), site.where)
    if isinstance(source, DictValue):
        new.update(source)
    elif isinstance(source, AttributeDict):
        new.items.update(source.instance.attributes)
        new.rest = source.instance.open
    elif source is not None:
        pairs, new.rest = pairs_of(machine_of(site), source, site.where)
        for key, value in pairs:
            new.put(key, value)
    new.items.update(keywords)
    return new.made()


@builtin("dict.fromkeys")
def dict_fromkeys(site: Site, iterable: Value, value: Value = NONE) -> Value:
    items, rest = machine_of(site).items_of(iterable, site.where, any_order=True)
    new = NewDict(machine_of(site), site.where)
    new.rest, new.disorder = rest, disorder_of(iterable, site.where)
    for item in items:
        new.put(item, value)
    return new.made()


@builtin("enumerate")
def enumerate_(site: Site, iterable: Value, start: Value = Known(0)) -> Value:  # noqa: B008
    machine, first = machine_of(site), index_of(start)
    check_whole(site, start)
    over = iterator_over(machine, iterable, site.where)
    if first is None:
        return IterableValue([], site.unknown("unknown-start"), kind="enumerate")

    def numbered(made: IterableValue) -> Batch:
        item = take(machine, over)
        if item is None:
            return Batch(rest=over.rest, ends=True)
        return Batch([TupleValue((Known(first + made.asked, LoopIndex()), item))])

    return IterableValue([], kind="enumerate", source=numbered)


@builtin("zip")
def zip_(site: Site, *iterables: Value, strict: Value = NONE) -> Value:
    columns = _columns(site, iterables)
    is_strict = machine_of(site).truth(strict)

    def next_row(_: IterableValue) -> Batch:
        row, end = _row(site, columns)
        if end is not None:
            if is_strict and end.rest is None:
                _check_ends(site, columns, len(row))
            return end
        return Batch([TupleValue(tuple(row))])

    return IterableValue([], kind="zip", source=next_row)


def _columns(site: Site, iterables: Sequence[Value]) -> list[IterableValue]:
    """An iterator over each of `iterables`."""
    return [iterator_over(machine_of(site), each, site.where) for each in iterables]


def _row(
    site: Site,
    columns: Sequence[IterableValue],
    next_of: Callable[[Machine, IterableValue], Value | None] = take,
) -> tuple[list[Value], Batch | None]:
    """The next item of each column, as `zip` takes them.

    Where a column has none: the items of the columns before it, and the batch that ends the rows.
    """
    row: list[Value] = []
    for column in columns:
        item = next_of(machine_of(site), column)
        if item is None:
            return row, Batch(rest=column.rest, ends=True)
        row.append(item)
    return row, None if columns else Batch(ends=True)


def _check_ends(site: Site, columns: Sequence[IterableValue], short: int) -> None:
    """Raise what `zip(..., strict=True)` raises if only the column `short` has ended."""
    for number, column in enumerate(columns[short + 1 :] if not short else [], start=2):
        if take(machine_of(site), column) is not None:
            raise Raised("ValueError", _lengths(number, "longer"), site.where)
    if short:
        raise Raised("ValueError", _lengths(short + 1, "shorter"), site.where)


def _lengths(number: int, than: str) -> str:
    others = "argument 1" if number == 2 else f"arguments 1-{number - 1}"
    return f"zip() argument {number} is {than} than {others}"


@builtin("map")
def map_(site: Site, func: Value, *iterables: Value) -> Value:
    machine = machine_of(site)
    if not iterables:
        raise Raised("TypeError", "map() must have at least two arguments.", site.where)
    columns = _columns(site, iterables)

    def called(_: IterableValue) -> Batch:
        row, end = _row(site, columns, some if len(columns) == 1 else take)
        return end or Batch([machine.call(func, Arguments(row), site.where)])

    disorder = columns[0].disorder if len(columns) == 1 else None
    return IterableValue([], kind="map", source=called, disorder=disorder)


@builtin("filter")
def filter_(site: Site, function: Value, iterable: Value) -> Value:
    machine = machine_of(site)
    over = iterator_over(machine, iterable, site.where)
    is_none = isinstance(function, Known) and function.value is None

    def tested(_: IterableValue) -> Batch:
        item = some(machine, over)
        if item is None:
            return Batch(rest=over.rest, ends=True)
        test = item if is_none else machine.call(function, Arguments([item]), site.where)
        truth = machine.truth(test)
        if truth is None:
            return Batch(rest=site.unknown("undecided-filter"), ends=True)
        return Batch([item] if truth else [])

    return IterableValue([], kind="filter", source=tested, disorder=over.disorder)


@builtin("reversed")
def reversed_(site: Site, sequence: Value) -> Value:
    kind = type_name(sequence)
    is_iterator = isinstance(sequence, IterableValue) and sequence.is_iterator
    if is_iterable(sequence) is False or is_iterator or isinstance(sequence, SetValue):
        raise Raised("TypeError", f"'{kind}' object is not reversible", site.where)
    items, rest = machine_of(site).items_of(sequence, site.where)
    kind = _REVERSED.get(kind, "reversed")
    return IterableValue(items[::-1] if rest is None else [], rest, kind=kind)


_REVERSED = {
    "list": "list_reverseiterator",
    "range": "range_iterator",
    "dict": "dict_reversekeyiterator",
    "dict_keys": "dict_reversekeyiterator",
    "dict_values": "dict_reversevalueiterator",
    "dict_items": "dict_reverseitemiterator",
}


@builtin("sorted")
def sorted_(site: Site, iterable: Value, *, key: Value = NONE, reverse: Value = NONE) -> Value:
    machine = machine_of(site)
    items, rest = items_of_some_order(site, iterable, key)
    has_key = not isinstance(key, Known)
    ranks = [machine.call(key, Arguments([i]), site.where) if has_key else i for i in items]
    order = _ranking(site, ranks)
    if rest is not None or order is None:
        return ListValue([], rest or site.unknown("undecided-order"))
    result = [items[i] for i in order]
    return ListValue(result[::-1] if machine.truth(reverse) else result)


def items_of_some_order(
    site: Site, iterable: Value, key: Value
) -> tuple[list[Value], Unknown | None]:
    """The items, of which the order is only asked where two may rank alike, or not compare."""
    items, rest = machine_of(site).items_of(iterable, site.where, any_order=True)
    values = [each.value for each in items if isinstance(each, Known)]
    ranked = isinstance(key, Known) and len(values) == len(items)
    if not ranked or not any(all(isinstance(v, kind) for v in values) for kind in (int, str)):
        ask_for_order(machine_of(site), iterable, site.where)
    return items, rest


@builtin("list.sort")
def sort(site: Site, target: ListValue, *, key: Value = NONE, reverse: Value = NONE) -> Value:
    result = sorted_(site, target, key=key, reverse=reverse)
    assert isinstance(result, ListValue)
    machine_of(site).trail.set_items(target, result.items)
    machine_of(site).trail.set_rest(target, result.rest)
    return NONE


def _ranking(site: Site, ranks: list[Value]) -> list[int] | None:
    """The indices that sort `ranks`, None when the order is not known.

    Raises `Raised` for constants that Python cannot compare.
    """
    keys = [key_of(rank) for rank in ranks]
    try:
        return sorted(range(len(keys)), key=lambda i: keys[i])  # type: ignore[arg-type,return-value]
    except TypeError as error:
        if all(isinstance(rank, Known) for rank in ranks):
            raise Raised("TypeError", str(error), site.where) from error
        return None


@builtin("slice")
def slice_(site: Site, *bounds: Value) -> Value:
    if len(bounds) == 1:
        return SliceValue(NONE, bounds[0], NONE)
    start, stop, *step = bounds
    return SliceValue(start, stop, step[0] if step else NONE)
