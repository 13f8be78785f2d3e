"""The functions of Python's `operator` module: each does what the operator of its name does.

They stand under the name of the module that defines them (`operator.add.__module__`), as the names
that begin with `operator` are those of the operators on tensors.
"""

from __future__ import annotations

from collections.abc import Callable

from forgather_lint.python.interpreter import attributes, stores, subscripts
from forgather_lint.python.interpreter.conditions import is_same
from forgather_lint.python.interpreter.dispatch import machine_of
from forgather_lint.python.interpreter.library import Op, Site, op
from forgather_lint.python.interpreter.operators import AUGMENTED, BINARY, UNARY, binary, in_place
from forgather_lint.python.interpreter.operators import unary as unary_operator
from forgather_lint.python.values.objects import PartialCall
from forgather_lint.python.values.value import (
    NONE,
    External,
    Known,
    TupleValue,
    Unknown,
    Value,
    known,
)

MODULE = "_operator"


def _of_two(name: str) -> Op:
    def function(site: Site, left: Value, right: Value) -> Value:
        return binary(machine_of(site), name, left, right, site.where)

    return function


def _of_one(name: str) -> Op:
    def function(site: Site, value: Value) -> Value:
        return unary_operator(machine_of(site), name, value, site.where)

    return function


def _changing(name: str) -> Op:
    def function(site: Site, before: Value, operand: Value) -> Value:
        return in_place(machine_of(site), name, before, operand, site.where)

    return function


for _name in BINARY.values():
    op(f"{MODULE}.{_name}")(_of_two(_name))
for _name in UNARY.values():
    op(f"{MODULE}.{_name}")(_of_one(_name))
for _name in AUGMENTED.values():
    op(f"{MODULE}.i{_name.rstrip('_')}")(_changing(_name))
op(f"{MODULE}.inv")(_of_one("invert"))


def _decided(site: Site, result: bool | None, negative: bool = False) -> Value:
    return site.unknown("undecided-condition") if result is None else known(result != negative)


@op(f"{MODULE}.truth", f"{MODULE}.not_")
def truth(site: Site, value: Value) -> Value:
    found = machine_of(site).truth(value, site.where)
    return _decided(site, found, site.name.endswith("not_"))


@op(f"{MODULE}.is_", f"{MODULE}.is_not")
def is_(site: Site, left: Value, right: Value) -> Value:
    return _decided(site, is_same(machine_of(site), left, right), site.name.endswith("not"))


@op(f"{MODULE}.getitem")
def getitem(site: Site, owner: Value, key: Value) -> Value:
    return subscripts.read(machine_of(site), owner, key, site.where)


@op(f"{MODULE}.setitem")
def setitem(site: Site, owner: Value, key: Value, value: Value) -> Value:
    stores.set_item(machine_of(site), owner, key, value, site.where)
    return NONE


@op(f"{MODULE}.delitem")
def delitem(site: Site, owner: Value, key: Value) -> Value:
    stores.delete_item(machine_of(site), owner, key, site.where)
    return NONE


def _taking(read: Callable[[Site, Value, Value], Value]) -> tuple[Op, Op]:
    """What makes a getter of one or several parts, and that getter."""

    def make(site: Site, *parts: Value) -> Value:
        return PartialCall(External(f"{site.name}.__call__"), (TupleValue(parts),), {})

    def call(site: Site, parts: Value, owner: Value) -> Value:
        assert isinstance(parts, TupleValue)
        taken = tuple(read(site, owner, part) for part in parts.items)
        return taken[0] if len(taken) == 1 else TupleValue(taken)

    return make, call


def _attribute(site: Site, owner: Value, path: Value) -> Value:
    if not (isinstance(path, Known) and isinstance(path.value, str)):
        return path if isinstance(path, Unknown) else site.unknown("unknown-name")
    for name in path.value.split("."):
        owner = attributes.read(machine_of(site), owner, name, site.where)
    return owner


def _register(name: str, read: Callable[[Site, Value, Value], Value]) -> None:
    make, call = _taking(read)
    op(f"{MODULE}.{name}")(make)
    op(f"{MODULE}.{name}.__call__")(call)


_register("itemgetter", getitem)
_register("attrgetter", _attribute)
