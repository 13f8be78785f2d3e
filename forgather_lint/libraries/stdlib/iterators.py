"""`itertools`: iterators that compute their items when they are asked for."""

from __future__ import annotations

from typing import cast

from forgather_lint.python.interpreter.iteration import iterator_over, take
from forgather_lint.python.interpreter.library import Site, op
from forgather_lint.python.interpreter.machine import Machine
from forgather_lint.python.interpreter.operators import binary
from forgather_lint.python.interpreter.subscripts import index_of
from forgather_lint.python.values.value import (
    NONE,
    Arguments,
    Batch,
    IterableValue,
    Known,
    TupleValue,
    Value,
    known,
)


def _machine(site: Site) -> Machine:
    return cast("Machine", site.evaluator)


@op("itertools.chain")
def chain(site: Site, *iterables: Value) -> Value:
    return chain_of(site, TupleValue(iterables))


@op("itertools.chain.from_iterable")
def chain_of(site: Site, iterable: Value) -> Value:
    machine = _machine(site)
    outer = iterator_over(machine, iterable, site.where)
    state = IterableValue([], kind="itertools.chain")
    """The one that is being gone through stands here as its only item."""

    def next_of(_: IterableValue) -> Batch:
        while True:
            if not state.items:
                following = take(machine, outer)
                if following is None:
                    return Batch(rest=outer.rest, ends=True)
                machine.trail.set_items(state, [iterator_over(machine, following, site.where)])
            inner = cast("IterableValue", state.items[0])
            item = take(machine, inner)
            if item is not None:
                return Batch([item])
            if inner.rest is not None:
                return Batch(rest=inner.rest, ends=True)
            machine.trail.set_items(state, [])

    return IterableValue([], kind="itertools.chain", source=next_of)


@op("itertools.repeat")
def repeat(site: Site, value: Value, times: Value | None = None) -> Value:
    count = None if times is None else index_of(times)
    if times is not None and count is None:
        endless = site.unknown("unknown-count")
        return IterableValue([], endless, kind="itertools.repeat")

    def again(made: IterableValue) -> Batch:
        return Batch([value]) if count is None or made.asked < count else Batch(ends=True)

    return IterableValue([], kind="itertools.repeat", source=again)


@op("itertools.count")
def count_(site: Site, start: Value = Known(0), step: Value = Known(1)) -> Value:  # noqa: B008
    machine = _machine(site)

    def numbered(made: IterableValue) -> Batch:
        far = binary(machine, "mul", step, known(made.asked), site.where)
        return Batch([binary(machine, "add", start, far, site.where)])

    return IterableValue([], kind="itertools.count", source=numbered)


@op("itertools.islice")
def islice(site: Site, iterable: Value, *bounds: Value) -> Value:
    machine = _machine(site)
    over = iterator_over(machine, iterable, site.where)
    start, stop, step = _slice(bounds)
    numbers = [None if each is NONE else index_of(each) for each in (start, stop, step)]
    if any(
        number is None and not _is_none(each)
        for number, each in zip(numbers, (start, stop, step), strict=True)
    ):
        return IterableValue([], site.unknown("unknown-slice"), kind="itertools.islice")
    first, last, by = numbers[0] or 0, numbers[1], numbers[2] or 1
    if first < 0 or by < 1 or (last is not None and last < 0):
        return IterableValue([], site.unknown("unknown-slice"), kind="itertools.islice")

    def sliced(made: IterableValue) -> Batch:
        at = first + made.asked * by
        if last is not None and at >= last:
            return Batch(ends=True)
        for _ in range(first if not made.asked else by - 1):
            if take(machine, over) is None:
                return Batch(rest=over.rest, ends=True)
        item = take(machine, over)
        return Batch([item]) if item is not None else Batch(rest=over.rest, ends=True)

    return IterableValue([], kind="itertools.islice", source=sliced)


def _slice(bounds: tuple[Value, ...]) -> tuple[Value, Value, Value]:
    if len(bounds) == 1:
        return NONE, bounds[0], NONE
    start, stop, *step = bounds
    return start, stop, step[0] if step else NONE


def _is_none(value: Value) -> bool:
    return isinstance(value, Known) and value.value is None


@op("itertools.starmap")
def starmap(site: Site, function: Value, iterable: Value) -> Value:
    machine = _machine(site)
    over = iterator_over(machine, iterable, site.where)

    def called(_: IterableValue) -> Batch:
        row = take(machine, over)
        if row is None:
            return Batch(rest=over.rest, ends=True)
        items, rest = machine.items_of(row, site.where)
        return Batch([machine.call(function, Arguments(items, rest=rest), site.where)])

    return IterableValue([], kind="itertools.starmap", source=called)


@op("itertools.accumulate")
def accumulate(
    site: Site, iterable: Value, func: Value = NONE, *, initial: Value | None = None
) -> Value:
    machine = _machine(site)
    over = iterator_over(machine, iterable, site.where)
    total = IterableValue([], kind="itertools.accumulate")

    def added(_: IterableValue) -> Batch:
        if not total.items and initial is not None and not _is_none(initial):
            return _with_total(initial)
        item = take(machine, over)
        if item is None:
            return Batch(rest=over.rest, ends=True)
        return _with_total(_sum(total.items[0], item) if total.items else item)

    def _with_total(value: Value) -> Batch:
        machine.trail.set_items(total, [value])
        return Batch([value])

    def _sum(left: Value, right: Value) -> Value:
        if _is_none(func):
            return binary(machine, "add", left, right, site.where)
        return machine.call(func, Arguments([left, right]), site.where)

    return IterableValue([], kind="itertools.accumulate", source=added)


def _while(site: Site, function: Value, iterable: Value, kind: str, keep: bool) -> Value:
    machine = _machine(site)
    over = iterator_over(machine, iterable, site.where)

    def test(item: Value) -> bool | None:
        return machine.truth(machine.call(function, Arguments([item]), site.where))

    def taken(made: IterableValue) -> Batch:
        item = take(machine, over)
        if item is None:
            return Batch(rest=over.rest, ends=True)
        if not keep and made.asked:
            return Batch([item])
        truth = test(item)
        while not keep and truth:
            item = take(machine, over)
            if item is None:
                return Batch(rest=over.rest, ends=True)
            truth = test(item)
        if truth is None:
            return Batch(rest=site.unknown("undecided-filter"), ends=True)
        return Batch([item]) if truth or not keep else Batch(ends=True)

    return IterableValue([], kind=kind, source=taken)


@op("itertools.takewhile")
def takewhile(site: Site, predicate: Value, iterable: Value) -> Value:
    return _while(site, predicate, iterable, "itertools.takewhile", keep=True)


@op("itertools.dropwhile")
def dropwhile(site: Site, predicate: Value, iterable: Value) -> Value:
    return _while(site, predicate, iterable, "itertools.dropwhile", keep=False)
