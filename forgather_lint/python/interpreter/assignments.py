"""Assignment, in all its forms, and deletion."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import TYPE_CHECKING

import libcst as cst

from forgather_lint.python.interpreter import stores, subscripts
from forgather_lint.python.interpreter.annotations import check_variable
from forgather_lint.python.interpreter.dispatch import statement
from forgather_lint.python.interpreter.frame import Completion, Frame, Raised, cause_of
from forgather_lint.python.interpreter.iteration import Rounds
from forgather_lint.python.interpreter.names import bind_name, check_local, delete_name
from forgather_lint.python.interpreter.operators import augmented
from forgather_lint.python.values.type_names import is_iterable, type_name
from forgather_lint.python.values.value import IterableValue, ListValue, Unknown, Value

if TYPE_CHECKING:
    from forgather_lint.python.interpreter.machine import Machine


@statement(cst.SimpleStatementLine)
def simple_line(machine: Machine, node: cst.SimpleStatementLine, frame: Frame) -> Completion:
    return machine.execute(node.body, frame)


@statement(cst.Expr)
def expression_statement(machine: Machine, node: cst.Expr, frame: Frame) -> Completion:
    value = machine.evaluate(node.value, frame)
    receiver = _changed_in_place(node.value)
    if receiver is not None and machine.library.handles(value):
        assign(machine, receiver, value, frame)
    return None


def _changed_in_place(node: cst.BaseExpression) -> cst.BaseExpression | None:
    """For the statement `x.add_(y)` the expression `x`, which the method changes; else None.

    That a name with `_` at the end changes its receiver is torch's convention.
    """
    if not isinstance(node, cst.Call) or not isinstance(node.func, cst.Attribute):
        return None
    name = node.func.attr.value
    owner = node.func.value
    in_place = name.endswith("_") and not name.startswith("_")
    return owner if in_place and isinstance(owner, cst.Name | cst.Attribute) else None


@statement(cst.Assign)
def assignment(machine: Machine, node: cst.Assign, frame: Frame) -> Completion:
    value = machine.evaluate(node.value, frame)
    for target in node.targets:
        assign(machine, target.target, value, frame)
    return None


@statement(cst.AnnAssign)
def annotated_assignment(machine: Machine, node: cst.AnnAssign, frame: Frame) -> Completion:
    check_variable(machine, node, frame)
    if node.value is not None:
        assign(machine, node.target, machine.evaluate(node.value, frame), frame)
    return None


@statement(cst.AugAssign)
def augmented_assignment(machine: Machine, node: cst.AugAssign, frame: Frame) -> Completion:
    if isinstance(node.target, cst.Name):
        check_local(frame, node.target)
    before = machine.evaluate(node.target, frame)
    operand = machine.evaluate(node.value, frame)
    value = augmented(machine, node.operator, before, operand, frame.place(node))
    assign(machine, node.target, value, frame)
    return None


def assign(machine: Machine, target: cst.CSTNode, value: Value, frame: Frame) -> None:
    """Bind `value` to `target`, of whatever form that is."""
    match target:
        case cst.Name():
            bind_name(machine, frame, target.value, value)
        case cst.Attribute():
            owner = machine.evaluate(target.value, frame)
            stores.set_attribute(
                machine, owner, frame.attribute(target), value, frame.place(target)
            )
        case cst.Subscript():
            owner = machine.evaluate(target.value, frame)
            key = subscripts.key_value(machine, target, frame)
            changed = stores.set_item(machine, owner, key, value, frame.place(target))
            if changed is not None and isinstance(target.value, cst.Name | cst.Attribute):
                assign(machine, target.value, changed, frame)
        case cst.Tuple() | cst.List():
            _unpack(machine, target.elements, value, frame)


def _unpack(
    machine: Machine, elements: Sequence[cst.BaseElement], value: Value, frame: Frame
) -> None:
    if is_iterable(value) is False:
        text = f"cannot unpack non-iterable {type_name(value)} object"
        raise Raised("TypeError", text, frame.place(elements[0]), cause=cause_of(value))
    starred = [i for i, each in enumerate(elements) if isinstance(each, cst.StarredElement)]
    wanted = len(elements)
    items, rest = _taken(machine, value, None if starred else wanted + 1)
    if rest is None and len(items) != wanted and not starred:
        text = f"too many values to unpack (expected {wanted})"
        if len(items) < wanted:
            text = f"not enough values to unpack (expected {wanted}, got {len(items)})"
        raise Raised("ValueError", text, frame.place(elements[0]))
    if rest is None and len(items) < wanted - 1:
        text = f"not enough values to unpack (expected at least {wanted - 1}, got {len(items)})"
        raise Raised("ValueError", text, frame.place(elements[0]))
    if rest is not None:
        reason = rest
        items = (items + [reason] * wanted)[:wanted] if not starred else [reason] * wanted
    elif starred:
        first, behind = starred[0], wanted - starred[0] - 1
        middle = ListValue(items[first : len(items) - behind])
        items = [*items[:first], middle, *items[len(items) - behind :]]
    for element, item in zip(elements, items, strict=True):
        assign(machine, element.value, item, frame)


def _taken(machine: Machine, value: Value, most: int | None) -> tuple[list[Value], Unknown | None]:
    """The items of `value`, and why there may be more; of an iterator at most `most` are taken."""
    if not isinstance(value, IterableValue) or not value.is_iterator or most is None:
        return machine.items_of(value)
    items = list(islice(Rounds(machine, value), most))
    return items, value.rest if len(items) < most else None


@statement(cst.Del)
def delete_statement(machine: Machine, node: cst.Del, frame: Frame) -> Completion:
    targets = node.target.elements if isinstance(node.target, cst.Tuple) else [node.target]
    for each in targets:
        _delete(machine, each.value if isinstance(each, cst.Element) else each, frame)
    return None


def _delete(machine: Machine, target: cst.CSTNode, frame: Frame) -> None:
    match target:
        case cst.Name():
            delete_name(machine, target, frame)
        case cst.Attribute():
            owner = machine.evaluate(target.value, frame)
            stores.delete_attribute(machine, owner, frame.attribute(target), frame.place(target))
        case cst.Subscript():
            owner = machine.evaluate(target.value, frame)
            key = subscripts.key_value(machine, target, frame)
            stores.delete_item(machine, owner, key, frame.place(target))
