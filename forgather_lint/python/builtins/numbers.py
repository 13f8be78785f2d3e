"""Builtins about numbers and truth."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from forgather_lint.python.builtins.sequences import items_of_some_order
from forgather_lint.python.interpreter.constants import Plain, compute, same_result
from forgather_lint.python.interpreter.dispatch import builtin, machine_of
from forgather_lint.python.interpreter.frame import Raised
from forgather_lint.python.interpreter.iteration import ask_for_order, rounds
from forgather_lint.python.interpreter.library import Site
from forgather_lint.python.interpreter.operators import binary
from forgather_lint.python.values import dims
from forgather_lint.python.values.loop_index import observe, pinned
from forgather_lint.python.values.type_names import type_name
from forgather_lint.python.values.value import (
    NONE,
    Arguments,
    DictValue,
    Known,
    ListValue,
    SetValue,
    SymbolicInt,
    TupleValue,
    Unknown,
    Value,
    known,
    size_of,
)

_ZERO = Known(0)


def _converted(
    site: Site, value: Value, convert: Callable[..., Any], *more: Plain, name: str = ""
) -> Value:
    """`convert(value, *more)`, computed as Python does for a constant.

    `name` is that of the builtin.
    """
    named = name or site.name
    if isinstance(value, Known):
        result = compute(machine_of(site).budget, site.where, named, convert, (value.value, *more))
        if isinstance(result, Known):
            answer = result.value
            observe(value, lambda index: same_result(named, convert, (index, *more), answer))
        return result
    if isinstance(value, SymbolicInt | Unknown):
        return value
    machine = machine_of(site)
    machine.library.read_number(machine, value, site.where)
    return site.unknown("unmodelled-conversion")


@builtin("int")
def int_(site: Site, x: Value = _ZERO, base: Value | None = None) -> Value:
    if isinstance(base, Known):
        return _converted(site, x, int, base.value)
    return _converted(site, x, int) if base is None else site.unknown("unknown-base")


@builtin("float")
def float_(site: Site, x: Value = _ZERO) -> Value:
    return (
        site.unknown("symbolic-arithmetic")
        if isinstance(x, SymbolicInt)
        else _converted(site, x, float)
    )


@builtin("complex")
def complex_(site: Site, real: Value = _ZERO, imag: Value = _ZERO) -> Value:
    machine = machine_of(site)
    machine.library.read_number(machine, real, site.where)
    return site.unknown("complex-number")


@builtin("bool")
def bool_(site: Site, x: Value = _ZERO) -> Value:
    truth = machine_of(site).truth(x, site.where)
    return site.unknown("undecided-condition") if truth is None else known(truth)


@builtin("abs")
def abs_(site: Site, x: Value) -> Value:
    return _library_or(site, x, "torch.abs", abs)


@builtin("round")
def round_(site: Site, number: Value, ndigits: Value = NONE) -> Value:
    machine = machine_of(site)
    if machine.library.handles(number):
        return machine.library.call(machine, "torch.round", Arguments([number]), site.where)
    if not isinstance(ndigits, Known):
        return site.unknown("unknown-digits")
    return _converted(site, number, round, ndigits.value)


def _library_or(site: Site, value: Value, name: str, convert: Callable[[Any], Any]) -> Value:
    machine = machine_of(site)
    if machine.library.handles(value):
        return machine.library.call(machine, name, Arguments([value]), site.where)
    return _converted(site, value, convert)


@builtin("pow")
def pow_(site: Site, base: Value, exp: Value, mod: Value = NONE) -> Value:
    if not isinstance(mod, Known) or mod.value is not None:
        given = [each.value for each in (base, exp, mod) if isinstance(each, Known)]
        if len(given) < 3:
            return site.unknown("symbolic-arithmetic")
        return compute(machine_of(site).budget, site.where, "pow", pow, given)
    return binary(machine_of(site), "pow", base, exp, site.where)


_CONTAINERS = TupleValue | ListValue | DictValue | SetValue


@builtin("divmod")
def divmod_(site: Site, a: Value, b: Value) -> Value:
    machine = machine_of(site)
    if isinstance(a, Known) and isinstance(b, Known):
        return compute(machine.budget, site.where, "divmod", divmod, (a.value, b.value))
    if all(isinstance(each, Known | _CONTAINERS) for each in (a, b)):
        kinds = f"'{type_name(a)}' and '{type_name(b)}'"
        text = f"unsupported operand type(s) for divmod(): {kinds}"
        raise Raised("TypeError", text, site.where)
    parts = (binary(machine, name, a, b, site.where) for name in ("floordiv", "mod"))
    return TupleValue(tuple(parts))


@builtin("sum")
def sum_(site: Site, iterable: Value, start: Value = _ZERO) -> Value:
    machine = machine_of(site)
    items, rest = machine.items_of(iterable, site.where, any_order=True)
    if any(size_of(item) is None for item in items):
        ask_for_order(machine, iterable, site.where)
    if isinstance(start, Known) and isinstance(start.value, str | bytes):
        kind = "strings" if isinstance(start.value, str) else "bytes"
        joined = "''" if isinstance(start.value, str) else "b''"
        text = f"sum() can't sum {kind} [use {joined}.join(seq) instead]"
        raise Raised("TypeError", text, site.where)
    total = start
    for item in items:
        machine.budget.step()
        total = binary(machine, "add", total, pinned(item), site.where)
    return rest or total


@builtin("max")
def max_(site: Site, *values: Value, key: Value = NONE, default: Value | None = None) -> Value:
    return _extreme(site, values, "gt", key, default)


@builtin("min")
def min_(site: Site, *values: Value, key: Value = NONE, default: Value | None = None) -> Value:
    return _extreme(site, values, "lt", key, default)


def _extreme(
    site: Site, values: tuple[Value, ...], better: str, key: Value, default: Value | None
) -> Value:
    machine = machine_of(site)
    items, rest = (
        items_of_some_order(site, values[0], key) if len(values) == 1 else (list(values), None)
    )
    if rest is not None:
        return rest
    if not items:
        if default is None:
            raise Raised("ValueError", f"{site.name}() arg is an empty sequence", site.where)
        return default

    def rank(item: Value) -> Value:
        return item if is_none else machine.call(key, Arguments([item]), site.where)

    is_none = isinstance(key, Known) and key.value is None
    best = items[0]
    most = rank(best)
    for item in items[1:]:
        machine.budget.step()
        ranked = rank(item)
        truth = machine.truth(binary(machine, better, ranked, most, site.where), site.where)
        if truth is None:
            return _some_extreme(site, items) if is_none else site.unknown("undecided-extreme")
        if truth:
            best, most = item, ranked
    return best


def _some_extreme(site: Site, items: list[Value]) -> Value:
    """The minimum or maximum of sizes, where it is not known which of them it is."""
    sizes = [size_of(item) for item in items]
    if any(size is None or dims.depends_on_rank(size) for size in sizes):
        return site.unknown("undecided-extreme")
    return SymbolicInt(dims.anything(f"extreme of {', '.join(map(str, sizes))}"))


@builtin("all")
def all_(site: Site, iterable: Value) -> Value:
    return _quantified(site, iterable, stops_at=False)


@builtin("any")
def any_(site: Site, iterable: Value) -> Value:
    return _quantified(site, iterable, stops_at=True)


def _quantified(site: Site, iterable: Value, stops_at: bool) -> Value:
    machine = machine_of(site)
    turns = rounds(machine, iterable, site.where, any_order=True)
    undecided, found = turns.disorder, False
    try:
        for item in turns:
            truth = machine.truth(item, site.where)
            found = found or truth is stops_at
            if found and turns.disorder is None:
                break  # else another may come first, and raise
            if truth is None:
                undecided = site.unknown("undecided-condition")
    except Raised as error:
        error.doubt = error.doubt or undecided
        raise
    if found:
        return known(stops_at)
    if undecided is turns.disorder:
        undecided = None
    if undecided is not None or turns.rest is not None:
        return site.unknown("undecided-condition")
    return known(not stops_at)


@builtin("chr")
def chr_(site: Site, i: Value) -> Value:
    return _converted(site, i, chr)


@builtin("ord")
def ord_(site: Site, c: Value) -> Value:
    return _converted(site, c, ord)
