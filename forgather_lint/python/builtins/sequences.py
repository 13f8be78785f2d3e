"""Builtins that make or walk sequences."""

from __future__ import annotations

from forgather_lint.python.interpreter.classes import find_member
from forgather_lint.python.interpreter.dispatch import builtin, machine_of
from forgather_lint.python.interpreter.frame import Raised
from forgather_lint.python.interpreter.library import Site
from forgather_lint.python.interpreter.literals import NewDict
from forgather_lint.python.interpreter.subscripts import index_of
from forgather_lint.python.values import dims
from forgather_lint.python.values.joining import join
from forgather_lint.python.values.loop_index import pinned
from forgather_lint.python.values.objects import AttributeDict, Instance
from forgather_lint.python.values.value import (
    ABSENT,
    NONE,
    Arguments,
    Choice,
    DictValue,
    Known,
    ListValue,
    LoopIndex,
    SetValue,
    SliceValue,
    SymbolicInt,
    TupleValue,
    Unknown,
    Value,
    distinct,
    key_of,
    known,
    size_of,
)


@builtin("range")
def range_(site: Site, *bounds: Value) -> Value:
    machine = machine_of(site)
    for bound in bounds:
        machine.library.read_number(machine, bound, site.where)
    numbers = [index_of(pinned(bound)) for bound in bounds]
    _check_range(site, bounds)
    if any(number is None for number in numbers):
        reason = next((b for b in bounds if isinstance(b, Unknown)), _some_range(site, bounds))
        return ListValue([], reason)
    span = range(*(number for number in numbers if number is not None))
    if not machine_of(site).budget.has_room(_length(span)):
        return ListValue([], site.unknown("many-rounds"))
    return ListValue([Known(i, LoopIndex()) for i in span])


def _check_range(site: Site, bounds: tuple[Value, ...]) -> None:
    """Raise what Python raises where `range` surely does."""
    known_ones = [bound.value for bound in bounds if isinstance(bound, Known)]
    wrong = [each for each in known_ones if not isinstance(each, int)]
    if not 0 < len(bounds) < 4:
        size = "at least 1 argument" if not bounds else "at most 3 arguments"
        text = f"range expected {size}, got {len(bounds)}"
        raise Raised("TypeError", text, site.where)
    if wrong:
        text = f"'{type(wrong[0]).__name__}' object cannot be interpreted as an integer"
        raise Raised("TypeError", text, site.where)
    if len(bounds) == 3 and index_of(bounds[2]) == 0:
        raise Raised("ValueError", "range() arg 3 must not be zero", site.where)


def _some_range(site: Site, bounds: tuple[Value, ...]) -> Unknown:
    """Numbers that are not known, but are those of the whole model."""
    sizes = [size_of(bound) for bound in bounds]
    if any(size is None or dims.depends_on_rank(size) for size in sizes):
        return site.unknown("symbolic-range")
    index = SymbolicInt(dims.anything(f"index at {site.where.span}"))
    return Unknown("symbolic-range", site.where, item=index)


def _length(span: range) -> int:
    """`len`, which refuses numbers that a machine word cannot hold."""
    return max(0, (span.stop - span.start + span.step - (1 if span.step > 0 else -1)) // span.step)


@builtin("len")
def len_(site: Site, obj: Value) -> Value:
    machine = machine_of(site)
    match obj:
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
    """Why an item may be missing: one of two branches added or deleted it."""
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
    return list_(site, iterable)


@builtin("next")
def next_(site: Site, iterator: Value, default: Value | None = None) -> Value:
    items, rest = machine_of(site).items_of(iterator, site.where)
    if items:
        if isinstance(iterator, ListValue):
            machine_of(site).trail.set_items(iterator, items[1:])
        return items[0]
    if rest is not None:
        return rest if default is None else join([rest, default])
    if default is None:
        raise Raised("StopIteration", "", site.where)
    return default


@builtin("set")
@builtin("frozenset")
def set_(site: Site, iterable: Value | None = None) -> Value:
    items, rest = machine_of(site).items_of(iterable, site.where) if iterable else ([], None)
    return SetValue(distinct(items), rest)


@builtin("dict")
def dict_(site: Site, source: Value | None = None, **keywords: Value) -> Value:
    new = NewDict()
    if isinstance(source, DictValue):
        new.update(source)
    elif isinstance(source, AttributeDict):
        new.items.update(source.instance.attributes)
        new.rest = source.instance.open
    elif source is not None:
        _put_pairs(site, new, source)
    new.items.update(keywords)
    return new.made()


@builtin("dict.fromkeys")
def dict_fromkeys(site: Site, iterable: Value, value: Value = NONE) -> Value:
    items, rest = machine_of(site).items_of(iterable, site.where)
    new = NewDict()
    new.rest = rest
    for item in items:
        new.put(item, value)
    return new.made()


def _put_pairs(site: Site, new: NewDict, source: Value) -> None:
    machine = machine_of(site)
    pairs, rest = machine.items_of(source, site.where)
    new.rest = rest
    for pair in pairs:
        items, pair_rest = machine.items_of(pair, site.where)
        if len(items) == 2 and pair_rest is None:
            new.put(items[0], items[1])
        else:
            new.rest = site.unknown("unknown-pair")


@builtin("enumerate")
def enumerate_(site: Site, iterable: Value, start: Value = Known(0)) -> Value:  # noqa: B008
    first = index_of(start)
    if isinstance(start, Known) and first is None:
        text = f"'{type(start.value).__name__}' object cannot be interpreted as an integer"
        raise Raised("TypeError", text, site.where)
    items, rest = machine_of(site).items_of(iterable, site.where)
    if first is None:
        return ListValue([], site.unknown("unknown-start"))
    pairs: list[Value] = [
        TupleValue((Known(first + i, LoopIndex()), item)) for i, item in enumerate(items)
    ]
    return ListValue(pairs, rest)


@builtin("zip")
def zip_(site: Site, *iterables: Value, strict: Value = NONE) -> Value:
    columns = [machine_of(site).items_of(each, site.where) for each in iterables]
    rest = next((why for _, why in columns if why is not None), None)
    rows = zip(*(items for items, _ in columns), strict=False)
    return ListValue([TupleValue(row) for row in rows], rest)


@builtin("map")
def map_(site: Site, func: Value, *iterables: Value) -> Value:
    machine = machine_of(site)
    columns = [machine.items_of(each, site.where) for each in iterables]
    rest = next((why for _, why in columns if why is not None), None)
    rows = zip(*(items for items, _ in columns), strict=False)
    return ListValue([machine.call(func, Arguments(list(r)), site.where) for r in rows], rest)


@builtin("filter")
def filter_(site: Site, function: Value, iterable: Value) -> Value:
    machine = machine_of(site)
    items, rest = machine.items_of(iterable, site.where)
    kept: list[Value] = []
    for item in items:
        is_none = isinstance(function, Known)
        test = item if is_none else machine.call(function, Arguments([item]), site.where)
        truth = machine.truth(test)
        if truth is None:
            return ListValue([], site.unknown("undecided-filter"))
        if truth:
            kept.append(item)
    return ListValue(kept, rest)


@builtin("reversed")
def reversed_(site: Site, sequence: Value) -> Value:
    if isinstance(sequence, Known) and not isinstance(sequence.value, str | bytes):
        text = f"'{type(sequence.value).__name__}' object is not reversible"
        raise Raised("TypeError", text, site.where)
    items, rest = machine_of(site).items_of(sequence, site.where)
    return ListValue(items[::-1]) if rest is None else ListValue([], rest)


@builtin("sorted")
def sorted_(site: Site, iterable: Value, *, key: Value = NONE, reverse: Value = NONE) -> Value:
    machine = machine_of(site)
    items, rest = machine.items_of(iterable, site.where)
    has_key = not isinstance(key, Known)
    ranks = [machine.call(key, Arguments([i]), site.where) if has_key else i for i in items]
    order = _ranking(ranks)
    if rest is not None or order is None:
        return ListValue([], rest or site.unknown("undecided-order"))
    result = [items[i] for i in order]
    return ListValue(result[::-1] if machine.truth(reverse) else result)


@builtin("list.sort")
def sort(site: Site, target: ListValue, *, key: Value = NONE, reverse: Value = NONE) -> Value:
    result = sorted_(site, target, key=key, reverse=reverse)
    assert isinstance(result, ListValue)
    machine_of(site).trail.set_items(target, result.items)
    machine_of(site).trail.set_rest(target, result.rest)
    return NONE


def _ranking(ranks: list[Value]) -> list[int] | None:
    keys = [key_of(rank) for rank in ranks]
    try:
        return sorted(range(len(keys)), key=lambda i: keys[i])  # type: ignore[arg-type,return-value]
    except TypeError:
        return None


@builtin("slice")
def slice_(site: Site, *bounds: Value) -> Value:
    if len(bounds) == 1:
        return SliceValue(NONE, bounds[0], NONE)
    start, stop, *step = bounds
    return SliceValue(start, stop, step[0] if step else NONE)
