"""Operators on plain values; those on library values are left to the library."""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import libcst as cst

from forgather_lint.core.source import Place
from forgather_lint.python.interpreter.classes import find_member
from forgather_lint.python.interpreter.constants import compute, is_plain, plain, same_result
from forgather_lint.python.interpreter.container_operators import (
    SET_OPERATORS,
    on_containers,
    on_iterables,
    on_sets,
)
from forgather_lint.python.interpreter.dispatch import expression
from forgather_lint.python.interpreter.frame import Frame, Raised
from forgather_lint.python.interpreter.stores import fill, update
from forgather_lint.python.values import dims
from forgather_lint.python.values.loop_index import observe, pinned
from forgather_lint.python.values.objects import Instance
from forgather_lint.python.values.value import (
    Arguments,
    Choice,
    CounterValue,
    DictValue,
    FrozenSetValue,
    IterableValue,
    Known,
    ListValue,
    SetValue,
    SymbolicInt,
    TensorValue,
    Unknown,
    Value,
    integer,
    known,
    size_of,
)

if TYPE_CHECKING:
    from forgather_lint.python.interpreter.machine import Machine

BINARY: dict[type[cst.CSTNode], str] = {
    cst.Add: "add",
    cst.Subtract: "sub",
    cst.Multiply: "mul",
    cst.Divide: "truediv",
    cst.FloorDivide: "floordiv",
    cst.Modulo: "mod",
    cst.Power: "pow",
    cst.MatrixMultiply: "matmul",
    cst.BitAnd: "and_",
    cst.BitOr: "or_",
    cst.BitXor: "xor",
    cst.LeftShift: "lshift",
    cst.RightShift: "rshift",
    cst.Equal: "eq",
    cst.NotEqual: "ne",
    cst.LessThan: "lt",
    cst.LessThanEqual: "le",
    cst.GreaterThan: "gt",
    cst.GreaterThanEqual: "ge",
}
UNARY: dict[type[cst.CSTNode], str] = {
    cst.Minus: "neg",
    cst.Plus: "pos",
    cst.BitInvert: "invert",
}
AUGMENTED: dict[type[cst.CSTNode], str] = {
    cst.AddAssign: "add",
    cst.SubtractAssign: "sub",
    cst.MultiplyAssign: "mul",
    cst.DivideAssign: "truediv",
    cst.FloorDivideAssign: "floordiv",
    cst.ModuloAssign: "mod",
    cst.PowerAssign: "pow",
    cst.MatrixMultiplyAssign: "matmul",
    cst.BitAndAssign: "and_",
    cst.BitOrAssign: "or_",
    cst.BitXorAssign: "xor",
    cst.LeftShiftAssign: "lshift",
    cst.RightShiftAssign: "rshift",
}
_SIZES: dict[str, Callable[[dims.Size, dims.Size], dims.Size]] = {
    "add": dims.add,
    "sub": dims.subtract,
    "mul": dims.multiply,
    "floordiv": dims.floor_divide,
}
_DIVISIONS = {
    "floordiv": "integer division or modulo by zero",
    "mod": "integer modulo by zero",
    "truediv": "division by zero",
}
_SIGNS: dict[str, Callable[[int], bool]] = {
    "eq": lambda sign: sign == 0,
    "ne": lambda sign: sign != 0,
    "lt": lambda sign: sign < 0,
    "le": lambda sign: sign <= 0,
    "gt": lambda sign: sign > 0,
    "ge": lambda sign: sign >= 0,
}


@expression(cst.BinaryOperation)
def binary_operation(machine: Machine, node: cst.BinaryOperation, frame: Frame) -> Value:
    left = machine.evaluate(node.left, frame)
    right = machine.evaluate(node.right, frame)
    return binary(machine, BINARY[type(node.operator)], left, right, frame.place(node))


def binary(machine: Machine, name: str, left: Value, right: Value, where: Place) -> Value:
    """Apply the operator that Python's `operator` module calls `name`."""
    if isinstance(left, Choice):
        return machine.each_option(left, lambda x: binary(machine, name, x, right, where), where)
    if isinstance(right, Choice):
        return machine.each_option(right, lambda x: binary(machine, name, left, x, where), where)
    if machine.library.handles(left) or machine.library.handles(right):
        return machine.library.call(machine, f"operator.{name}", Arguments([left, right]), where)
    if name == "mod" and isinstance(left, Known) and isinstance(left.value, str | bytes):
        return _filled_in(machine, left, right, where)
    if isinstance(left, Known) and isinstance(right, Known):
        return on_constants(machine, name, left, right, where)
    if isinstance(left, Unknown) or isinstance(right, Unknown):
        return left if isinstance(left, Unknown) else right
    left_size, right_size = size_of(left), size_of(right)
    if left_size is not None and right_size is not None:
        return _on_sizes(name, left_size, right_size, where)
    return on_containers(machine, name, left, right, where)


def _filled_in(machine: Machine, template: Known, given: Value, where: Place) -> Value:
    """`text % given`."""
    if not is_plain(given):
        return given if isinstance(given, Unknown) else Unknown("unknown-text", where)
    operands = (template.value, plain(pinned(given)))
    return compute(machine.budget, where, "mod", operator.mod, operands)


def on_constants(machine: Machine, name: str, left: Known, right: Known, where: Place) -> Value:
    """Apply the operator `name` to two constants, as Python does."""
    function: Callable[[Any, Any], Any] = getattr(operator, name)
    one, other = left.value, right.value
    result: Value
    if name in _SMALL and type(one) in _NUMBERS and type(other) in _NUMBERS:
        result = known(function(one, other))
    else:
        result = compute(machine.budget, where, name, function, (one, other))
    if isinstance(result, Known):
        _observe(name, function, left, right, result)
    return result


_SMALL = frozenset("add sub iadd isub eq ne lt le gt ge".split())
"""Operators whose result on two numbers is about as large as they are."""
_NUMBERS = frozenset((bool, int, float))


def _observe(
    name: str, function: Callable[[Any, Any], Any], left: Known, right: Known, result: Known
) -> None:
    if left.loop is not None:
        observe(left, lambda i: same_result(name, function, (i, right.value), result.value))
    if right.loop is not None:
        observe(right, lambda i: same_result(name, function, (left.value, i), result.value))


def _on_sizes(name: str, left: dims.Size, right: dims.Size, where: Place) -> Value:
    if name in _DIVISIONS and right == 0:
        raise Raised("ZeroDivisionError", _DIVISIONS[name], where)
    if name in _SIZES:
        return integer(_SIZES[name](left, right))
    if name in _SIGNS:
        sign = dims.compare_any(left, right)
        return Unknown("symbolic-comparison", where) if sign is None else known(_SIGNS[name](sign))
    if name == "mod":
        quotient = dims.floor_divide(left, right)
        return integer(dims.subtract(left, dims.multiply(quotient, right)))
    return Unknown("symbolic-arithmetic", where)


def augmented(
    machine: Machine, node: cst.BaseAugOp, before: Value, operand: Value, where: Place
) -> Value:
    """The value of `before += operand` and the like."""
    name = AUGMENTED.get(type(node))
    if name is None:
        return Unknown("unmodelled-operator", where)
    return in_place(machine, name, before, operand, where)


def in_place(machine: Machine, name: str, before: Value, operand: Value, where: Place) -> Value:
    """Apply the operator `name` with an assignment: lists and dicts are changed in place."""
    if isinstance(before, IterableValue) and name in ("add", "mul"):
        return on_iterables(name, before, operand, where, in_place=True)
    if name == "add" and isinstance(before, ListValue):
        items, rest = machine.items_of(operand)
        if not machine.budget.has_room(len(before.items) + len(items)):
            items, rest = [], Unknown("many-items", where)
        machine.trail.set_items(before, [*before.items, *items])
        machine.trail.may_hold_more(before, rest)
        return before
    if name == "or_" and isinstance(before, DictValue) and not isinstance(before, CounterValue):
        update(machine, before, operand, where)
        return before
    both_sets = isinstance(before, SetValue) and isinstance(operand, SetValue)
    if both_sets and name in SET_OPERATORS and not isinstance(before, FrozenSetValue):
        assert isinstance(before, SetValue) and isinstance(operand, SetValue)
        fill(machine, before, on_sets(name, before, operand))
        return before
    if isinstance(before, Instance):
        member = find_member(machine, before.cls, f"__i{name}__")
        if member is not None and not isinstance(member.value, Unknown):
            return machine.call(member.value, Arguments([before, operand]), where)
    if isinstance(before, Known) and isinstance(operand, Known):
        return on_constants(machine, f"i{name.rstrip('_')}", before, operand, where)
    result = binary(machine, name, before, operand, where)
    if name == "matmul":
        return result  # torch has no `__imatmul__`: the name is bound to another tensor
    if isinstance(before, TensorValue) and isinstance(result, TensorValue):
        same = result.is_parameter == before.is_parameter  # a tensor is changed in place
        result = result if same else replace(result, is_parameter=before.is_parameter)
    handled = machine.library.handles(before)
    return machine.library.on_written(before, result, where) if handled else result


@expression(cst.UnaryOperation)
def unary_operation(machine: Machine, node: cst.UnaryOperation, frame: Frame) -> Value:
    value = machine.evaluate(node.expression, frame)
    where = frame.place(node)
    if isinstance(node.operator, cst.Not):
        truth = machine.truth(value, where)
        return Unknown("undecided-condition", where) if truth is None else known(not truth)
    return machine.each_option(
        value, lambda each: unary(machine, UNARY[type(node.operator)], each, where), where
    )


def unary(machine: Machine, name: str, value: Value, where: Place) -> Value:
    """Apply the operator on one value that Python's `operator` module calls `name`."""
    if machine.library.handles(value):
        return machine.library.call(machine, f"operator.{name}", Arguments([value]), where)
    if isinstance(value, Known):
        if value.loop is not None:
            observe(value, lambda index: index == value.value)
        return compute(machine.budget, where, name, getattr(operator, name), (value.value,))
    if isinstance(value, SymbolicInt) and name == "neg":
        return integer(dims.negate(value.size))
    return value if isinstance(value, Unknown) else Unknown("unmodelled-operator", where, name)
