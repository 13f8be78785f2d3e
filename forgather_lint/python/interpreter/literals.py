"""Literals and displays: numbers, strings, tuples, lists, dicts, sets, slices."""

from __future__ import annotations

from typing import TYPE_CHECKING

import libcst as cst

from forgather_lint.python.interpreter.budget import LONGEST_TEXT
from forgather_lint.python.interpreter.dispatch import expression
from forgather_lint.python.interpreter.frame import Frame
from forgather_lint.python.values.loop_index import pinned
from forgather_lint.python.values.value import (
    NONE,
    Choice,
    DictValue,
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
    match left, right:
        case Known(str() as one), Known(str() as two):
            return known(one + two)
        case Known(bytes() as one_bytes), Known(bytes() as two_bytes):
            return known(one_bytes + two_bytes)
    return Unknown("unknown-text", frame.place(node))


@expression(cst.FormattedString)
def formatted(machine: Machine, node: cst.FormattedString, frame: Frame) -> Value:
    pieces = [_piece(machine, part, frame) for part in node.parts]
    if all(piece is not None for piece in pieces):
        text = "".join(piece for piece in pieces if piece is not None)
        return known(text) if len(text) <= LONGEST_TEXT else Unknown("long-text")
    return Unknown("unknown-text", frame.place(node))


def _piece(machine: Machine, part: cst.BaseFormattedStringContent, frame: Frame) -> str | None:
    if isinstance(part, cst.FormattedStringText):
        return str(known_text(part.value))
    if not isinstance(part, cst.FormattedStringExpression):
        return None
    value = pinned(machine.evaluate(part.expression, frame))
    if not isinstance(value, Known) or part.equal is not None:
        return None
    specification = _specification(machine, part, frame)
    content = repr(value.value) if part.conversion == "r" else value.value
    try:
        return format(content, specification) if specification is not None else None
    except (TypeError, ValueError):
        return None


def _specification(
    machine: Machine, part: cst.FormattedStringExpression, frame: Frame
) -> str | None:
    if part.format_spec is None:
        return ""
    pieces = [_piece(machine, each, frame) for each in part.format_spec]
    text = "".join(piece for piece in pieces if piece is not None)
    bounded = len(pieces) == len([p for p in pieces if p is not None]) and len(text) < 8
    return text if bounded else None


def known_text(raw: str) -> str:
    """The text of a literal part of an f-string."""
    return raw.replace("{{", "{").replace("}}", "}").replace("\\n", "\n").replace("\\t", "\t")


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
    return SetValue({key_of(item): item for item in items}, rest)


def _elements(
    machine: Machine, elements: object, frame: Frame
) -> tuple[list[Value], Unknown | None]:
    items: list[Value] = []
    rest: Unknown | None = None
    for element in elements:  # type: ignore[attr-defined]
        value = machine.evaluate(element.value, frame)
        if isinstance(element, cst.StarredElement):
            more, more_rest = machine.items_of(value)
            items.extend(more)
            rest = rest or more_rest
        else:
            items.append(value)
    return items, rest


@expression(cst.Dict)
def dict_(machine: Machine, node: cst.Dict, frame: Frame) -> Value:
    result = DictValue({})
    for element in node.elements:
        value = machine.evaluate(element.value, frame)
        if isinstance(element, cst.StarredDictElement):
            update(result, value)
        elif isinstance(element, cst.DictElement):
            key = machine.evaluate(element.key, frame)
            put(result, key, value)
            if not isinstance(key, Unknown | Choice):
                places = (frame.place(element.key), frame.place(element.value))
                result.places[key_of(key)] = places
    return result


def put(target: DictValue, key: Value, value: Value) -> None:
    """Set a key of a dict that nobody else holds yet."""
    if isinstance(key, Unknown | Choice):
        target.rest = target.rest or Unknown("unknown-key")
        return
    target.items[key_of(key)] = value
    if not isinstance(key, Known):
        target.keys[key_of(key)] = key


def update(target: DictValue, source: Value) -> None:
    """`target.update(source)` for a dict that nobody else holds yet."""
    if isinstance(source, DictValue):
        target.items.update(source.items)
        target.keys.update(source.keys)
        target.places.update(source.places)
        target.rest = target.rest or source.rest
    else:
        target.rest = target.rest or Unknown("unknown-dict")


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
