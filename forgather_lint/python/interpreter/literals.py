"""Literals and displays: numbers, strings, tuples, lists, dicts, sets, slices."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

import libcst as cst

from forgather_lint.core.source import Place
from forgather_lint.python.interpreter.constants import compute
from forgather_lint.python.interpreter.dispatch import expression
from forgather_lint.python.interpreter.frame import Frame, Raised, cause_of
from forgather_lint.python.interpreter.hashing import NewSet, has_key
from forgather_lint.python.values.loop_index import pinned
from forgather_lint.python.values.type_names import is_iterable, type_name
from forgather_lint.python.values.value import (
    NONE,
    DictValue,
    Key,
    Known,
    ListValue,
    SetValue,
    SliceValue,
    TupleValue,
    Unknown,
    Value,
    key_of,
    known,
)

if TYPE_CHECKING:
    from forgather_lint.python.interpreter.machine import Machine


@expression(cst.Integer)
def integer(machine: Machine, node: cst.Integer, frame: Frame) -> Value:
    return (
        known(int(node.value.replace("_", ""), 0)) if len(node.value) < 1000 else _long(frame, node)
    )


def _long(frame: Frame, node: cst.CSTNode) -> Value:
    return Unknown("long-number", frame.place(node))


@expression(cst.Float)
def float_(machine: Machine, node: cst.Float, frame: Frame) -> Value:
    return known(float(node.value.replace("_", "")))


@expression(cst.Imaginary)
def imaginary(machine: Machine, node: cst.Imaginary, frame: Frame) -> Value:
    return known(complex(node.value.replace("_", "")))


@expression(cst.Ellipsis)
def ellipsis(machine: Machine, node: cst.Ellipsis, frame: Frame) -> Value:
    return known(...)


@expression(cst.SimpleString)
def string(machine: Machine, node: cst.SimpleString, frame: Frame) -> Value:
    return known(node.evaluated_value)


@expression(cst.ConcatenatedString)
def concatenated(machine: Machine, node: cst.ConcatenatedString, frame: Frame) -> Value:
    left, right = machine.evaluate(node.left, frame), machine.evaluate(node.right, frame)
    if isinstance(left, Known) and isinstance(right, Known):
        operands = (left.value, right.value)
        return compute(machine.budget, frame.place(node), "add", operator.add, operands)
    return Unknown("unknown-text", frame.place(node))


@expression(cst.FormattedString)
def formatted(machine: Machine, node: cst.FormattedString, frame: Frame) -> Value:
    return _joined(machine, node, node.parts, frame)


def _joined(
    machine: Machine,
    node: cst.FormattedString,
    parts: Sequence[cst.BaseFormattedStringContent],
    frame: Frame,
) -> Value:
    """The text of `parts` of the f-string `node`."""
    pieces = [_piece(machine, node, part, frame) for part in parts]
    texts = tuple(each.value for each in pieces if isinstance(each, Known))
    if len(texts) < len(pieces):
        return Unknown("unknown-text", frame.place(node))
    return compute(machine.budget, frame.place(node), "join", "".join, (texts,))


def _piece(
    machine: Machine,
    node: cst.FormattedString,
    part: cst.BaseFormattedStringContent,
    frame: Frame,
) -> Value:
    if isinstance(part, cst.FormattedStringText):
        return _literal_part(node, part.value)
    unknown = Unknown("unknown-text", frame.place(part))
    if not isinstance(part, cst.FormattedStringExpression):
        return unknown
    value = pinned(machine.evaluate(part.expression, frame))
    form: Value = known("")
    if part.format_spec is not None:
        form = _joined(machine, node, part.format_spec, frame)
    if not isinstance(value, Known) or not isinstance(form, Known) or part.equal is not None:
        return unknown
    if part.conversion is not None:
        convert = _CONVERSIONS[part.conversion]
        value = compute(machine.budget, frame.place(part), "repr", convert, (value.value,))
        if not isinstance(value, Known):
            return value
    return compute(machine.budget, frame.place(part), "format", format, (value.value, form.value))


_CONVERSIONS: dict[str, Callable[[object], str]] = {"r": repr, "s": str, "a": ascii}


def _literal_part(node: cst.FormattedString, raw: str) -> Value:
    """The literal text of an f-string, with its escapes evaluated."""
    prefix = "r" if "r" in node.prefix.lower() else ""
    text = raw.replace("{{", "{").replace("}}", "}")
    return known(ast.literal_eval(f"{prefix}{node.quote}{text}{node.quote}"))


@expression(cst.Tuple)
def tuple_(machine: Machine, node: cst.Tuple, frame: Frame) -> Value:
    items, rest = _elements(machine, node.elements, frame)
    return TupleValue(tuple(items)) if rest is None else ListValue(items, rest)


@expression(cst.List)
def list_(machine: Machine, node: cst.List, frame: Frame) -> Value:
    items, rest = _elements(machine, node.elements, frame)
    return ListValue(items, rest)


@expression(cst.Set)
def set_(machine: Machine, node: cst.Set, frame: Frame) -> Value:
    items, rest = _elements(machine, node.elements, frame)
    new = NewSet(machine, frame.place(node))
    new.extend(items, rest)
    return SetValue(new.items, new.rest)


def _elements(
    machine: Machine, elements: object, frame: Frame
) -> tuple[list[Value], Unknown | None]:
    items: list[Value] = []
    rest: Unknown | None = None
    for element in elements:  # type: ignore[attr-defined]
        value = machine.evaluate(element.value, frame)
        if isinstance(element, cst.StarredElement):
            if is_iterable(value) is False:
                text = f"Value after * must be an iterable, not {type_name(value)}"
                raise Raised("TypeError", text, frame.place(element), cause=cause_of(value))
            more, more_rest = machine.items_of(value)
            items.extend(more)
            rest = rest or more_rest
        else:
            items.append(value)
    return items, rest


@expression(cst.Dict)
def dict_(machine: Machine, node: cst.Dict, frame: Frame) -> Value:
    """Python evaluates all pairs up to the next `**` before it makes keys of any."""
    new = NewDict(machine, frame.place(node))
    pairs: list[tuple[Value, Value, tuple[Place, Place]]] = []
    for element in node.elements:
        if isinstance(element, cst.DictElement):
            places = (frame.place(element.key), frame.place(element.value))
            key = machine.evaluate(element.key, frame)
            pairs.append((key, machine.evaluate(element.value, frame), places))
        else:
            new.put_all(pairs)
            pairs.clear()
            new.update(machine.evaluate(element.value, frame))
    new.put_all(pairs)
    return new.made()


class NewDict:
    """A dict that is being built, to which nothing else refers yet."""

    def __init__(self, machine: Machine, where: Place) -> None:
        self.items: dict[Key, Value] = {}
        self.disorder: Unknown | None = None
        self.rest: Unknown | None = None
        self._keys: dict[Key, Value] = {}
        self._places: dict[Key, tuple[Place, Place]] = {}
        self._machine = machine
        self._where = where

    def put(self, key: Value, value: Value, places: tuple[Place, Place] | None = None) -> None:
        """`self[key] = value`; key and value are written at `places`."""
        if not has_key(self._machine, key, places[0] if places else self._where):
            self.rest = self.rest or Unknown("unknown-key", self._where)
            return
        self.items[key_of(key)] = value
        if not isinstance(key, Known):
            self._keys[key_of(key)] = key
        if places is not None:
            self._places[key_of(key)] = places

    def put_all(self, pairs: Iterable[tuple[Value, Value, tuple[Place, Place]]]) -> None:
        """Put all `pairs`, of which each is written at its places."""
        for key, value, places in pairs:
            self.put(key, value, places)

    def update(self, source: Value) -> None:
        """`self.update(source)`."""
        if isinstance(source, DictValue):
            self.items.update(source.items)
            self._keys.update(source.keys)
            self._places.update(source.places)
            self.rest = self.rest or source.rest
            self.disorder = self.disorder or source.disorder
        else:
            self.rest = self.rest or Unknown("unknown-dict")

    def made(self) -> DictValue:
        """The dict."""
        return DictValue(self.items, self._keys, self.rest, self._places, disorder=self.disorder)


@expression(cst.Slice)
def slice_(machine: Machine, node: cst.Slice, frame: Frame) -> Value:
    parts = (node.lower, node.upper, node.step)
    start, stop, step = (machine.evaluate(part, frame) if part else NONE for part in parts)
    return SliceValue(start, stop, step)


@expression(cst.NamedExpr)
def named_expression(machine: Machine, node: cst.NamedExpr, frame: Frame) -> Value:
    from forgather_lint.python.interpreter.assignments import assign

    value = machine.evaluate(node.value, frame)
    assign(machine, node.target, value, frame)
    return value
