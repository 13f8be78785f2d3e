"""Methods of lists, tuples and dicts; those of sets are in `sets`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from forgather_lint.python.builtins.sequences import check_whole, is_no_number
from forgather_lint.python.interpreter import stores, subscripts
from forgather_lint.python.interpreter.dispatch import builtin, machine_of
from forgather_lint.python.interpreter.frame import Raised
from forgather_lint.python.interpreter.hashing import (
    disorder_of,
    has_key,
    is_key_in,
    key_error,
    set_key,
)
from forgather_lint.python.interpreter.library import Site
from forgather_lint.python.values.joining import join
from forgather_lint.python.values.objects import AttributeDict, RegisteredDict
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
    may_have_fewer,
    next_serial,
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
        why = target.rest or site.unknown("unknown-index")
        if not target.items or may_have_fewer(target):
            machine_of(site).pass_over(Raised("IndexError", "pop from empty list", site.where))
        stores.forget(machine_of(site), target, site.unknown("unknown-index"))
        return why
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
        if equal is None or may_have_fewer(target):
            break
        if equal:
            items = [*target.items[:position], *target.items[position + 1 :]]
            machine_of(site).trail.set_items(target, items)
            return NONE
    else:
        if target.rest is None:
            raise Raised("ValueError", missing, site.where)
    machine_of(site).pass_over(Raised("ValueError", missing, site.where))
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
        if is_no_number(bound):
            text = "slice indices must be integers or have an __index__ method"
            raise Raised("TypeError", text, site.where)
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
    machine = machine_of(site)
    rest = target.rest if isinstance(target, DictValue) else target.instance.open
    is_there = subscripts.contains(machine, target, key, site.where)
    if is_there:
        return subscripts.read(machine, target, key, site.where)
    if is_there is None and rest is None:
        rest = site.unknown("unknown-key")
    return default if rest is None else join([rest, default])


def _items(target: DictValue | AttributeDict) -> Mapping[Key, Value]:
    if isinstance(target, DictValue):
        return target.items
    return keyed(target.instance.attributes)


@builtin("dict.setdefault")
def setdefault(site: Site, target: DictValue, key: Value, default: Value = NONE) -> Value:
    found = get(site, target, key, default)
    if not _is_in(site, target, key):
        set_key(machine_of(site), target, key, found, site.where)
    return found


@builtin("dict.pop")
def pop_key(site: Site, target: DictValue, key: Value, default: Value | None = None) -> Value:
    is_empty = not target.items and target.rest is None  # then Python asks for no hash
    is_there = False if is_empty else _is_in(site, target, key)
    if is_there is False:
        if default is None:
            raise key_error(key, site.where)
        return default
    if is_there is None and default is None:
        machine_of(site).pass_over(key_error(key, site.where))
    value = get(site, target, key, default or NONE)
    _delete(site, target, key)
    return value


def _is_in(site: Site, target: DictValue, key: Value) -> bool | None:
    return is_key_in(machine_of(site), target, key, site.where)


def _delete(site: Site, target: DictValue, key: Value) -> None:
    """Take a key away that may be missing."""
    machine = machine_of(site)
    if has_key(machine, key, site.where) and _is_in(site, target, key) is not None:
        machine.trail.delete_item(target, key_of(key))
    elif target.items:
        stores.forget(machine, target, site.unknown("unknown-key"))


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
    return _view(site, target, machine_of(site).items_of(target, any_order=True)[0], "dict_keys")


def _view(
    site: Site, target: DictValue | AttributeDict, items: Sequence[Value], kind: str
) -> IterableValue:
    """What shows the `items` of a dict."""
    viewed = target if isinstance(target, DictValue) else None
    rest = target.rest if isinstance(target, DictValue) else target.instance.open
    return IterableValue(items, rest, kind=kind, disorder=disorder_of(target), viewed=viewed)


@builtin("dict.values")
@builtin("attribute_dict.values")
def values(site: Site, target: DictValue | AttributeDict) -> Value:
    return _view(site, target, list(_items(target).values()), "dict_values")


@builtin("dict.items")
@builtin("attribute_dict.items")
def items(site: Site, target: DictValue | AttributeDict) -> Value:
    names, _ = machine_of(site).items_of(target, any_order=True)
    pairs = zip(names, _items(target).values(), strict=True)
    return _view(site, target, [TupleValue(pair) for pair in pairs], "dict_items")


@builtin("dict.copy")
def copy_dict(site: Site, target: DictValue) -> Value:
    if isinstance(target, RegisteredDict):
        return DictValue(dict(target.items), dict(target.keys), target.rest)
    return replace(
        target,
        items=dict(target.items),
        keys=dict(target.keys),
        places=dict(target.places),
        serial=next_serial(),
        writes=0,
    )
