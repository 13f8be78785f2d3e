"""Methods of sets and frozen sets, and the types themselves."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from forgather_lint.python.interpreter import stores, subscripts
from forgather_lint.python.interpreter.container_operators import on_sets
from forgather_lint.python.interpreter.dispatch import builtin, machine_of
from forgather_lint.python.interpreter.frame import Raised
from forgather_lint.python.interpreter.hashing import (
    NewSet,
    has_key,
    is_key_in,
    key_error,
    looked_up,
)
from forgather_lint.python.interpreter.library import Site
from forgather_lint.python.values.value import (
    NONE,
    FrozenSetValue,
    SetValue,
    Unknown,
    Value,
    key_of,
    known,
    may_have_fewer,
    next_serial,
)


@builtin("set")
def set_(site: Site, iterable: Value | None = None) -> Value:
    return _set_of(site, iterable)


def _set_of(site: Site, iterable: Value | None) -> SetValue:
    made = _made_of(site, iterable)
    return SetValue(made.items, made.rest)


@builtin("frozenset")
def frozenset_(site: Site, iterable: Value | None = None) -> Value:
    if isinstance(iterable, FrozenSetValue):
        return iterable
    made = _made_of(site, iterable)
    return FrozenSetValue(made.items, made.rest)


def _made_of(site: Site, iterable: Value | None) -> NewSet:
    new = NewSet(machine_of(site), site.where)
    if iterable is not None:
        new.extend(*machine_of(site).items_of(iterable, site.where, any_order=True))
    return new


@builtin("set.copy")
@builtin("frozenset.copy")
def copy(site: Site, target: SetValue) -> Value:
    return _copied(target)


def _copied(target: SetValue) -> SetValue:
    return replace(target, items=dict(target.items), serial=next_serial(), writes=0)


@builtin("set.add")
def add(site: Site, target: SetValue, item: Value) -> Value:
    _add(site, target, [item], None)
    return NONE


def _add(site: Site, target: SetValue, items: Iterable[Value], rest: Unknown | None) -> None:
    """Of equal items the first stays, as in Python."""
    machine = machine_of(site)
    for item in items:
        if not has_key(machine, item, site.where):
            rest = rest or site.unknown("unknown-key")
        elif key_of(item) not in target.items:
            machine.trail.set_item(target, key_of(item), item)
    machine.trail.may_hold_more(target, rest)


@builtin("set.update")
def update(site: Site, target: SetValue, *others: Value) -> Value:
    for other in others:
        _add(site, target, *machine_of(site).items_of(other, site.where, any_order=True))
    return NONE


@builtin("set.pop")
def pop(site: Site, target: SetValue) -> Value:
    """Which item it is depends on hashes, unless there is but one."""
    machine = machine_of(site)
    empty = Raised("KeyError", "'pop from an empty set'", site.where)
    if not target.items and target.rest is None:
        raise empty
    if not target.items or may_have_fewer(target):
        machine.pass_over(empty)
    if len(target.items) == 1 and target.rest is None:
        (item,) = target.items.values()
        machine.trail.delete_item(target, next(iter(target.items)))
        return item
    stores.forget(machine, target, site.unknown("order-of-a-set"))
    return site.unknown("order-of-a-set")


@builtin("set.discard")
def discard(site: Site, target: SetValue, item: Value) -> Value:
    machine, sought = machine_of(site), looked_up(item)
    if is_key_in(machine, target, sought, site.where) is None:
        stores.forget(machine, target, site.unknown("unknown-key"))
    else:
        machine.trail.delete_item(target, key_of(sought))
    return NONE


@builtin("set.remove")
def remove(site: Site, target: SetValue, item: Value) -> Value:
    is_there = is_key_in(machine_of(site), target, looked_up(item), site.where)
    if is_there is False:
        raise key_error(item, site.where)
    if is_there is None:
        machine_of(site).pass_over(key_error(item, site.where))
    return discard(site, target, item)


@builtin("set.clear")
def clear(site: Site, target: SetValue) -> Value:
    machine = machine_of(site)
    stores.forget(machine, target, site.unknown("cleared"))
    machine.trail.set_rest(target, None)
    return NONE


def _joined(site: Site, name: str, target: SetValue, others: tuple[Value, ...]) -> Value:
    """What the operator `name` makes of a set and of any number of iterables."""
    result = _copied(target)
    for other in others:
        result = on_sets(name, result, _set_of(site, other))
    return result


@builtin("set.union")
@builtin("frozenset.union")
def union(site: Site, target: SetValue, *others: Value) -> Value:
    return _joined(site, "or_", target, others)


@builtin("set.intersection")
@builtin("frozenset.intersection")
def intersection(site: Site, target: SetValue, *others: Value) -> Value:
    return _joined(site, "and_", target, others)


@builtin("set.difference")
@builtin("frozenset.difference")
def difference(site: Site, target: SetValue, *others: Value) -> Value:
    return _joined(site, "sub", target, others)


@builtin("set.symmetric_difference")
@builtin("frozenset.symmetric_difference")
def symmetric_difference(site: Site, target: SetValue, other: Value) -> Value:
    return _joined(site, "xor", target, (other,))


@builtin("set.issubset")
@builtin("frozenset.issubset")
def issubset(site: Site, target: SetValue, other: Value) -> Value:
    return _all_in(site, target, _set_of(site, other))


@builtin("set.issuperset")
@builtin("frozenset.issuperset")
def issuperset(site: Site, target: SetValue, other: Value) -> Value:
    return _all_in(site, _set_of(site, other), target)


@builtin("set.isdisjoint")
@builtin("frozenset.isdisjoint")
def isdisjoint(site: Site, target: SetValue, other: Value) -> Value:
    made = _set_of(site, other)
    found = [
        subscripts.contains(machine_of(site), target, i, site.where) for i in made.items.values()
    ]
    if True in found:
        return known(False)
    undecided = None in found or made.rest is not None or target.rest is not None
    return site.unknown("undecided-subset") if undecided else known(True)


def _all_in(site: Site, target: SetValue, other: Value) -> Value:
    found = [
        subscripts.contains(machine_of(site), other, item, site.where)
        for item in target.items.values()
    ]
    if False in found:
        return known(False)
    undecided = None in found or target.rest is not None
    return site.unknown("undecided-subset") if undecided else known(True)
