"""Comparisons, `and`/`or`, conditional expressions, `if` and `assert`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import libcst as cst

from forgather_lint.core.source import Place
from forgather_lint.python.interpreter.branching import join_bodies
from forgather_lint.python.interpreter.dispatch import expression, statement
from forgather_lint.python.interpreter.equality import is_one
from forgather_lint.python.interpreter.frame import Completion, Frame, Raised
from forgather_lint.python.interpreter.operators import BINARY, binary
from forgather_lint.python.interpreter.subscripts import contains
from forgather_lint.python.values.cost import cost
from forgather_lint.python.values.loop_index import decide
from forgather_lint.python.values.objects import BoundMethod, Instance
from forgather_lint.python.values.value import (
    TRUE,
    Arguments,
    Choice,
    Constant,
    External,
    Known,
    Unknown,
    Value,
    known,
)

if TYPE_CHECKING:
    from forgather_lint.python.interpreter.machine import Machine


@expression(cst.Comparison)
def comparison(machine: Machine, node: cst.Comparison, frame: Frame) -> Value:
    left = machine.evaluate(node.left, frame)
    result: Value = TRUE
    last = node.comparisons[-1]
    for part in node.comparisons:
        right = machine.evaluate(part.comparator, frame)
        result = compare(machine, part.operator, left, right, frame.place(node))
        if part is last or machine.truth(result, frame.place(node)) is not True:
            return result
        left = right
    return result


def compare(
    machine: Machine, operator: cst.BaseCompOp, left: Value, right: Value, where: Place
) -> Value:
    """The value of one comparison in a chain."""
    match operator:
        case cst.Is() | cst.IsNot():
            return _negated(is_same(machine, left, right), isinstance(operator, cst.IsNot), where)
        case cst.In() | cst.NotIn():
            found = _in(machine, left, right, where)
            return _negated(found, isinstance(operator, cst.NotIn), where)
    return binary(machine, BINARY[type(operator)], left, right, where)


def _negated(result: bool | None, negative: bool, where: Place) -> Value:
    return Unknown("undecided-condition", where) if result is None else known(result != negative)


def is_same(machine: Machine, left: Value, right: Value) -> bool | None:
    """`left is right`; None when it cannot be decided."""
    if left is right:
        return True
    if isinstance(left, Choice):
        results = {is_same(machine, option, right) for option in left.options}
        return results.pop() if len(results) == 1 else None
    if isinstance(right, Choice):
        return is_same(machine, right, left)
    if isinstance(left, Unknown) or isinstance(right, Unknown):
        return None
    if isinstance(left, Known) and isinstance(right, Known):
        return decide(_same_constant, left, right)
    return None if isinstance(left, BoundMethod) else is_one(left, right)


def _same_constant(left: Constant, right: Constant) -> bool:
    return type(left) is type(right) and left == right


def _in(machine: Machine, item: Value, owner: Value, where: Place) -> bool | None:
    if isinstance(owner, Instance):
        from forgather_lint.python.interpreter.classes import find_member

        member = find_member(machine, owner.cls, "__contains__")
        if member is None or isinstance(member.value, Unknown):
            return None
        return machine.truth(machine.call(member.value, Arguments([owner, item]), where))
    if isinstance(owner, External) and machine.library.has(f"{owner.name}.__contains__"):
        name = f"{owner.name}.__contains__"
        return machine.truth(machine.library.call(machine, name, Arguments([item]), where))
    machine.budget.spend(cost(owner))
    return contains(machine, owner, item, where)


@expression(cst.BooleanOperation)
def boolean_operation(machine: Machine, node: cst.BooleanOperation, frame: Frame) -> Value:
    left = machine.evaluate(node.left, frame)
    stops_at = isinstance(node.operator, cst.Or)
    truth = machine.truth(left, frame.place(node.left))
    if truth is stops_at:
        return left
    if truth is not None:
        return machine.evaluate(node.right, frame)
    return machine.branch(
        [lambda: left, lambda: machine.evaluate(node.right, frame)], frame.place(node)
    )


@expression(cst.IfExp)
def conditional_expression(machine: Machine, node: cst.IfExp, frame: Frame) -> Value:
    truth = machine.truth(machine.evaluate(node.test, frame), frame.place(node.test))
    if truth is not None:
        return machine.evaluate(node.body if truth else node.orelse, frame)
    arms = [
        lambda: machine.evaluate(node.body, frame),
        lambda: machine.evaluate(node.orelse, frame),
    ]
    return machine.branch(arms, frame.place(node.test))


@statement(cst.If)
def if_statement(machine: Machine, node: cst.If, frame: Frame) -> Completion:
    test = machine.evaluate(node.test, frame)
    truth = machine.truth(test, frame.place(node.test))
    if truth is True:
        return machine.execute(node.body.body, frame)
    if truth is False:
        return _otherwise(machine, node, frame)
    arms = [
        lambda: machine.execute(node.body.body, frame),
        lambda: _otherwise(machine, node, frame),
    ]
    return join_bodies(machine, arms, frame, frame.place(node.test))


def _otherwise(machine: Machine, node: cst.If, frame: Frame) -> Completion:
    if isinstance(node.orelse, cst.If):
        return if_statement(machine, node.orelse, frame)
    return machine.execute(node.orelse.body.body, frame) if node.orelse else None


@statement(cst.Assert)
def assert_statement(machine: Machine, node: cst.Assert, frame: Frame) -> Completion:
    truth = machine.truth(machine.evaluate(node.test, frame), frame.place(node.test))
    if truth is True:
        return None
    message = machine.evaluate(node.msg, frame) if node.msg and truth is False else None
    text = str(message.value) if isinstance(message, Known) else ""
    error = Raised("AssertionError", text, frame.place(node))
    if truth is False:
        raise error
    machine.pass_over(error)
    return None
