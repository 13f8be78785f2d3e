"""Methods of `collections.Counter`, as far as they differ from those of a dict."""

from __future__ import annotations

from forgather_lint.python.interpreter import stores, subscripts
from forgather_lint.python.interpreter.dispatch import builtin, machine_of
from forgather_lint.python.interpreter.hashing import disorder_of, has_key, set_key
from forgather_lint.python.interpreter.library import Site
from forgather_lint.python.interpreter.operators import binary
from forgather_lint.python.values.value import (
    NONE,
    CounterValue,
    DictValue,
    IterableValue,
    Known,
    ListValue,
    TupleValue,
    Unknown,
    Value,
    known,
)


@builtin("Counter.update")
def update(site: Site, target: CounterValue, source: Value = NONE, **keywords: Value) -> Value:
    return _changed(site, target, source, keywords, "add")


@builtin("Counter.subtract")
def subtract(site: Site, target: CounterValue, source: Value = NONE, **keywords: Value) -> Value:
    return _changed(site, target, source, keywords, "sub")


def _changed(
    site: Site, target: CounterValue, source: Value, keywords: dict[str, Value], operator: str
) -> Value:
    """Add to counts, or take from them: one for each item, or what a dict has for a key."""
    if isinstance(source, DictValue):
        pairs = list(zip(source.key_values(), source.items.values(), strict=True))
        rest = source.rest
    elif isinstance(source, Known) and source.value is None:
        pairs, rest = [], None
    else:
        items, rest = machine_of(site).items_of(source, site.where)
        pairs = [(item, known(1)) for item in items]
    pairs += [(known(name), value) for name, value in keywords.items()]
    for key, value in pairs:
        _change(site, target, key, value, operator)
    if rest is not None:
        stores.forget(machine_of(site), target, rest)
    return NONE


def _change(site: Site, target: CounterValue, key: Value, value: Value, operator: str) -> None:
    machine = machine_of(site)
    machine.budget.step()
    if not has_key(machine, key, site.where):
        stores.forget(machine, target, site.unknown("unknown-key"))
        return
    before = subscripts.read_dict(machine, target, key, site.where)
    set_key(machine, target, key, binary(machine, operator, before, value, site.where), site.where)


@builtin("Counter.most_common")
def most_common(site: Site, target: CounterValue, n: Value = NONE) -> Value:
    counts, most = _counts(target), subscripts.index_of(n)
    is_bound = not (isinstance(n, Known) and n.value is None)
    if counts is None or (is_bound and most is None):
        return site.unknown("unknown-count")
    pairs = sorted(zip(counts, target.key_values(), strict=True), key=lambda pair: -pair[0])
    within = pairs[: max(most, 0)] if most is not None else pairs
    return ListValue([TupleValue((key, known(count))) for count, key in within])


@builtin("Counter.elements")
def elements(site: Site, target: CounterValue) -> Value:
    counts, machine = _counts(target), machine_of(site)
    if counts is None or not machine.budget.has_room(sum(max(each, 0) for each in counts)):
        return IterableValue([], site.unknown("unknown-count"), kind="chain")
    pairs = zip(target.key_values(), counts, strict=True)
    return IterableValue([key for key, count in pairs for _ in range(count)], kind="chain")


@builtin("Counter.total")
def total(site: Site, target: CounterValue) -> Value:
    counts = _counts(target)
    return site.unknown("unknown-count") if counts is None else known(sum(counts))


def _counts(target: CounterValue) -> list[int] | None:
    """The counts in order; None unless all are known integers, in an order that is known."""
    if target.rest is not None or isinstance(disorder_of(target), Unknown):
        return None
    values = [each.value if isinstance(each, Known) else None for each in target.items.values()]
    counts = [each for each in values if isinstance(each, int)]
    return counts if len(counts) == len(values) else None
