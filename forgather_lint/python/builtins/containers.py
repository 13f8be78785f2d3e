"""Methods of lists, tuples, dicts and sets."""

from __future__ import annotations

from collections.abc import Mapping

from forgather_lint.python.builtins.sequences import check_whole
from forgather_lint.python.interpreter import stores, subscripts
from forgather_lint.python.interpreter.dispatch import builtin, machine_of
from forgather_lint.python.interpreter.frame import Raised
from forgather_lint.python.interpreter.library import Site
from forgather_lint.python.values.joining import join
from forgather_lint.python.values.objects import AttributeDict
from forgather_lint.python.values.value import (
    NONE,
    DictValue,
    IterableValue,
    Key,
    Known,
    ListValue,
    SetValue,
    TupleValue,
    Unknown,
    Value,
    key_of,
    keyed,
    known,
)


@builtin("list.append")
def append(site: Site, target: ListValue, item: Value) -> Value:
    machine_of(site).trail.append(target, item)
    return NONE


@builtin("list.extend")
def extend(site: Site, target: ListValue, iterable: Value) -> Value:
    machine = machine_of(site)
    items, rest = machine.items_of(iterable, site.where)
    if not machine.budget.has_room(len(target.items) + len(items)):
        items, rest = [], site.unknown("many-items")
    machine.trail.set_items(target, [*target.items, *items])
    machine.trail.may_hold_more(target, rest)
    return NONE


@builtin("list.insert")
def insert(site: Site, target: ListValue, index: Value, item: Value) -> Value:
    position = subscripts.index_of(index)
    check_whole(site, index)
    if position is None:
        stores.forget(machine_of(site), target, site.unknown("unknown-index"))
        return NONE
    items = list(target.items)
    items.insert(position, item)
    machine_of(site).trail.set_items(target, items)
    return NONE


@builtin("list.pop")
def pop(site: Site, target: ListValue, index: Value = Known(-1)) -> Value:  # noqa: B008
    position = subscripts.index_of(index)
    if position is None or target.rest is not None:
        stores.forget(machine_of(site), target, site.unknown("unknown-index"))
        return target.rest or site.unknown("unknown-index")
    items = list(target.items)
    if not -len(items) <= position < len(items):
        text = "pop index out of range" if items else "pop from empty list"
        raise Raised("IndexError", text, site.where)
    item = items.pop(position)
    machine_of(site).trail.set_items(target, items)
    return item


@builtin("list.remove")
def remove(site: Site, target: ListValue, item: Value) -> Value:
    return removed(site, target, item, "list.remove(x): x not in list")


def removed(site: Site, target: ListValue, item: Value, missing: str) -> Value:
    """Remove the first item equal to `item`; without one raise, with Python's message `missing`."""
    for position, each in enumerate(target.items):
        equal = _is_among(site, item, each)
        if equal is None:
            break
        if equal:
            items = [*target.items[:position], *target.items[position + 1 :]]
            machine_of(site).trail.set_items(target, items)
            return NONE
    else:
        if target.rest is None:
            raise Raised("ValueError", missing, site.where)
    stores.forget(machine_of(site), target, site.unknown("unknown-item"))
    return NONE


def _is_among(site: Site, item: Value, *among: Value) -> bool | None:
    return subscripts.contains(machine_of(site), TupleValue(among), item, site.where)


@builtin("list.clear")
@builtin("dict.clear")
@builtin("set.clear")
def clear(site: Site, target: ListValue | DictValue | SetValue) -> Value:
    stores.forget(machine_of(site), target, site.unknown("cleared"))
    machine_of(site).trail.set_rest(target, None)
    return NONE


@builtin("list.copy")
def copy_list(site: Site, target: ListValue) -> Value:
    return ListValue(list(target.items), target.rest)


@builtin("list.reverse")
def reverse(site: Site, target: ListValue) -> Value:
    if target.rest is not None:
        stores.forget(machine_of(site), target, target.rest)
    machine_of(site).trail.set_items(target, target.items[::-1])
    return NONE


@builtin("list.index")
@builtin("tuple.index")
def index(site: Site, target: ListValue | TupleValue, item: Value, *bounds: Value) -> Value:
    return position(site, target, item, *bounds, kind="list")


def position(
    site: Site, target: ListValue | TupleValue, item: Value, *bounds: Value, kind: str
) -> Value:
    """The index of the first item equal to `item`.

    `kind` is what Python's message calls `target`.
    """
    numbers = [subscripts.index_of(bound) for bound in bounds]
    for bound in bounds:
        check_whole(site, bound)
    if None in numbers:
        return site.unknown("unknown-index")
    start, stop = [*numbers, None, None][:2]
    within = range(*slice(start, stop).indices(len(target.items)))
    for place, each in enumerate(target.items):
        if bounds and place not in within:
            continue
        equal = _is_among(site, item, each)
        if equal is None:
            return site.unknown("unknown-index")
        if equal:
            return known(place)
    if isinstance(target, TupleValue):
        raise Raised("ValueError", "tuple.index(x): x not in tuple", site.where)
    if target.rest is not None or not isinstance(item, Known):
        return site.unknown("unknown-index")
    raise Raised("ValueError", f"{item.value!r} is not in {kind}", site.where)


@builtin("list.count")
@builtin("tuple.count")
def count(site: Site, target: ListValue | TupleValue, item: Value) -> Value:
    found = [_is_among(site, item, each) for each in target.items]
    return site.unknown("unknown-count") if None in found else known(found.count(True))


@builtin("dict.get")
@builtin("attribute_dict.get")
def get(site: Site, target: DictValue | AttributeDict, key: Value, default: Value = NONE) -> Value:
    if isinstance(key, Unknown):
        return key
    found = _items(target).get(key_of(key))
    if found is not None:
        return subscripts.read(machine_of(site), target, key, site.where)
    rest = target.rest if isinstance(target, DictValue) else target.instance.open
    return default if rest is None else join([rest, default])


def _items(target: DictValue | AttributeDict) -> Mapping[Key, Value]:
    if isinstance(target, DictValue):
        return target.items
    return keyed(target.instance.attributes)


@builtin("dict.setdefault")
def setdefault(site: Site, target: DictValue, key: Value, default: Value = NONE) -> Value:
    found = get(site, target, key, default)
    if key_of(key) not in target.items:
        stores.set_key(machine_of(site), target, key, found)
    return found


@builtin("dict.pop")
def pop_key(site: Site, target: DictValue, key: Value, default: Value | None = None) -> Value:
    if key_of(key) not in target.items and target.rest is None and default is None:
        name = repr(key.value) if isinstance(key, Known) else "key"
        raise Raised("KeyError", name, site.where)
    value = get(site, target, key, default or NONE)
    machine_of(site).trail.delete_item(target, key_of(key))
    return value


@builtin("dict.update")
@builtin("attribute_dict.update")
def update(
    site: Site, target: DictValue | AttributeDict, source: Value | None = None, **keywords: Value
) -> Value:
    machine = machine_of(site)
    if source is not None:
        stores.update(machine, target, source, site.where)
    for name, value in keywords.items():
        stores.set_item(machine, target, known(name), value, site.where)
    return NONE


@builtin("dict.keys")
@builtin("attribute_dict.keys")
def keys(site: Site, target: DictValue | AttributeDict) -> Value:
    return IterableValue(*machine_of(site).items_of(target), kind="dict_keys")


@builtin("dict.values")
@builtin("attribute_dict.values")
def values(site: Site, target: DictValue | AttributeDict) -> Value:
    rest = target.rest if isinstance(target, DictValue) else target.instance.open
    return IterableValue(list(_items(target).values()), rest, kind="dict_values")


@builtin("dict.items")
@builtin("attribute_dict.items")
def items(site: Site, target: DictValue | AttributeDict) -> Value:
    names, rest = machine_of(site).items_of(target)
    pairs = zip(names, _items(target).values(), strict=True)
    return IterableValue([TupleValue(pair) for pair in pairs], rest, kind="dict_items")


@builtin("dict.copy")
def copy_dict(site: Site, target: DictValue) -> Value:
    return DictValue(dict(target.items), dict(target.keys), target.rest, dict(target.places))


@builtin("set.add")
def add(site: Site, target: SetValue, item: Value) -> Value:
    machine_of(site).trail.set_item(target, key_of(item), item)
    return NONE


@builtin("set.update")
def update_set(site: Site, target: SetValue, iterable: Value) -> Value:
    machine = machine_of(site)
    found, rest = machine.items_of(iterable, site.where)
    for item in found:
        machine.trail.set_item(target, key_of(item), item)
    machine.trail.may_hold_more(target, rest)
    return NONE


@builtin("set.union")
def union(site: Site, target: SetValue, *others: Value) -> Value:
    result = SetValue(dict(target.items), target.rest)
    for other in others:
        update_set(site, result, other)
    return result


@builtin("set.discard")
def discard(site: Site, target: SetValue, item: Value) -> Value:
    machine_of(site).trail.delete_item(target, key_of(item))
    return NONE


@builtin("set.issubset")
def issubset(site: Site, target: SetValue, other: Value) -> Value:
    found = [
        subscripts.contains(machine_of(site), other, item, site.where)
        for item in target.items.values()
    ]
    if None in found or target.rest is not None:
        return site.unknown("undecided-subset")
    return known(all(found))
