"""Methods of `collections.deque`."""

from __future__ import annotations

from collections.abc import Sequence

from forgather_lint.python.builtins import containers
from forgather_lint.python.builtins.sequences import check_whole
from forgather_lint.python.interpreter import stores
from forgather_lint.python.interpreter.container_operators import held
from forgather_lint.python.interpreter.dispatch import builtin, machine_of
from forgather_lint.python.interpreter.frame import Raised
from forgather_lint.python.interpreter.library import Site
from forgather_lint.python.interpreter.subscripts import index_of
from forgather_lint.python.values.value import (
    NONE,
    DequeValue,
    Known,
    Unknown,
    Value,
)


def _put(site: Site, target: DequeValue, items: Sequence[Value], *, left: bool = False) -> Value:
    """Add `items` one by one at one end; beyond `maxlen`, items are dropped at the other end."""
    machine = machine_of(site)
    if not machine.budget.has_room(len(target.items) + len(items)):
        stores.forget(machine, target, site.unknown("many-items"))
    elif target.maxlen is not None and target.rest is not None:
        stores.forget(machine, target, target.rest)
    elif left:
        whole = [*reversed(items), *target.items]
        machine.trail.set_items(target, whole[: target.maxlen])
    else:
        machine.trail.set_items(target, held([*target.items, *items], target.maxlen))
    return NONE


@builtin("collections.deque.append")
def append(site: Site, target: DequeValue, item: Value) -> Value:
    return _put(site, target, [item])


@builtin("collections.deque.appendleft")
def append_left(site: Site, target: DequeValue, item: Value) -> Value:
    if target.rest is not None:
        stores.forget(machine_of(site), target, target.rest)
        return NONE
    return _put(site, target, [item], left=True)


@builtin("collections.deque.extend")
def extend(site: Site, target: DequeValue, iterable: Value) -> Value:
    items, rest = machine_of(site).items_of(iterable, site.where)
    return _extended(site, target, items, rest, left=False)


@builtin("collections.deque.extendleft")
def extend_left(site: Site, target: DequeValue, iterable: Value) -> Value:
    items, rest = machine_of(site).items_of(iterable, site.where)
    return _extended(site, target, items, rest or target.rest, left=True)


def _extended(
    site: Site, target: DequeValue, items: list[Value], rest: Unknown | None, *, left: bool
) -> Value:
    if rest is not None and (left or target.maxlen is not None):
        stores.forget(machine_of(site), target, rest)
        return NONE
    _put(site, target, items, left=left)
    machine_of(site).trail.may_hold_more(target, rest)
    return NONE


@builtin("collections.deque.pop")
def pop(site: Site, target: DequeValue) -> Value:
    _check_not_empty(site, target)
    return containers.pop(site, target)


@builtin("collections.deque.popleft")
def pop_left(site: Site, target: DequeValue) -> Value:
    _check_not_empty(site, target)
    return containers.pop(site, target, Known(0))


def _check_not_empty(site: Site, target: DequeValue) -> None:
    if not target.items and target.rest is None:
        raise Raised("IndexError", "pop from an empty deque", site.where)


@builtin("collections.deque.insert")
def insert(site: Site, target: DequeValue, index: Value, item: Value) -> Value:
    if target.maxlen is not None and len(target.items) >= target.maxlen:
        raise Raised("IndexError", "deque already at its maximum size", site.where)
    return containers.insert(site, target, index, item)


@builtin("collections.deque.remove")
def remove(site: Site, target: DequeValue, item: Value) -> Value:
    told = repr(item.value) if isinstance(item, Known) else "item"
    return containers.removed(site, target, item, f"{told} is not in deque")


@builtin("collections.deque.rotate")
def rotate(site: Site, target: DequeValue, n: Value = Known(1)) -> Value:  # noqa: B008
    check_whole(site, n)
    steps = index_of(n)
    if steps is None or target.rest is not None:
        stores.forget(machine_of(site), target, target.rest or site.unknown("unknown-index"))
    elif target.items:
        at = -steps % len(target.items)
        machine_of(site).trail.set_items(target, [*target.items[at:], *target.items[:at]])
    return NONE


@builtin("collections.deque.copy")
def copy(site: Site, target: DequeValue) -> Value:
    return DequeValue(list(target.items), target.rest, maxlen=target.maxlen)


builtin("collections.deque.clear")(containers.clear)
builtin("collections.deque.reverse")(containers.reverse)
builtin("collections.deque.count")(containers.count)


@builtin("collections.deque.index")
def index(site: Site, target: DequeValue, item: Value, *bounds: Value) -> Value:
    return containers.position(site, target, item, *bounds, kind="deque")
