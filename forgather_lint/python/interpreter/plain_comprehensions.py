"""Comprehensions over plain numbers, such as tables of logarithms, at a fraction of the cost.

`[math.log(i, n) if i > n else 1 for i in range(1, 32768)]` evaluates a third of a million nodes for
numbers that nothing asks for. An expression that can only be arithmetic on known numbers is
compiled once into nested functions, which are then called with each item. An expression that may do
anything else, or that raises, is left to the interpreter.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import libcst as cst

from forgather_lint.python.interpreter.budget import LARGEST_BITS
from forgather_lint.python.interpreter.classes import find_member
from forgather_lint.python.interpreter.frame import Frame
from forgather_lint.python.interpreter.names import look_up
from forgather_lint.python.interpreter.operators import BINARY
from forgather_lint.python.values.objects import Instance
from forgather_lint.python.values.value import Builtin, Constant, External, Known, Value, known

if TYPE_CHECKING:
    from forgather_lint.python.interpreter.machine import Machine

Number = int | float
Compute = Callable[[Number], Number]

_FEWEST_ITEMS = 100
"""With fewer items there is nothing to gain."""
_NODES_PER_STEP = 40
_LONGEST_NUMBER = 100
_MATH = (
    "acos asin atan atan2 ceil cos cosh degrees exp fabs floor fmod hypot log log10 log1p log2 "
    "radians sin sinh sqrt tan tanh trunc"
).split()


class _NotPlain(Exception):
    """The expression may do something other than compute a number."""


class NumberComprehension:
    """A comprehension that computes numbers from numbers."""

    def __init__(
        self, machine: Machine, node: cst.ListComp | cst.GeneratorExp, frame: Frame
    ) -> None:
        clause = node.for_in
        if clause.inner_for_in is not None or not isinstance(clause.target, cst.Name):
            raise _NotPlain
        writing = _Writing(machine, clause.target.value, frame)
        self._item = writing.of(node.elt)
        self._tests = [writing.of(each.test) for each in clause.ifs]
        self._nodes = writing.nodes

    def items(self, machine: Machine, given: Sequence[Value]) -> list[Value] | None:
        """The results for the items `given`; None when the interpreter has to compute them."""
        numbers = [each.value for each in given if isinstance(each, Known)]
        if len(numbers) != len(given) or len(given) < _FEWEST_ITEMS:
            return None
        machine.budget.spend(len(given) * self._nodes // _NODES_PER_STEP)
        try:
            return [
                known(self._item(_number(each)))
                for each in numbers
                if all(test(_number(each)) for test in self._tests)
            ]
        except (_NotPlain, ArithmeticError, TypeError, ValueError):
            return None


def plain(
    machine: Machine, node: cst.ListComp | cst.GeneratorExp, frame: Frame
) -> NumberComprehension | None:
    """`node` as such a comprehension; None when it may do anything else."""
    try:
        return NumberComprehension(machine, node, frame)
    except _NotPlain:
        return None


class _Writing:
    """Compiles an expression to functions of the one name that is bound to each item."""

    def __init__(self, machine: Machine, bound: str, frame: Frame) -> None:
        self.nodes = 0
        self._machine = machine
        self._bound = bound
        self._frame = frame

    def of(self, node: cst.BaseExpression) -> Compute:
        """The function that computes `node` from the item. Raises `_NotPlain`."""
        self.nodes += 1
        match node:
            case cst.Name():
                return self._name(node.value)
            case cst.Attribute():
                return self._attribute(node)
            case cst.Integer() | cst.Float():
                return _constant(node)
            case cst.BinaryOperation():
                return self._binary(node)
            case cst.UnaryOperation():
                return self._unary(node)
            case cst.Comparison():
                return self._comparison(node)
            case cst.BooleanOperation():
                return self._boolean(node)
            case cst.IfExp():
                test, then, other = self.of(node.test), self.of(node.body), self.of(node.orelse)
                return lambda item: then(item) if test(item) else other(item)
            case cst.Call():
                return self._call(node)
        raise _NotPlain

    def _name(self, name: str) -> Compute:
        if name == self._bound:
            return lambda item: item
        return _of_known(look_up(self._frame.scope, name))

    def _attribute(self, node: cst.Attribute) -> Compute:
        """An attribute that an object has itself, so that reading it runs no code."""
        name = self._frame.attribute(node)
        if not isinstance(node.value, cst.Name) or node.value.value == self._bound:
            raise _NotPlain
        owner = look_up(self._frame.scope, node.value.value)
        if not isinstance(owner, Instance) or name not in owner.attributes:
            raise _NotPlain
        members = (find_member(self._machine, owner.cls, each) for each in (name, _READS_ALL))
        if any(member is not None for member in members):
            raise _NotPlain
        return _of_known(self._machine.attribute(owner, name, self._frame.place(node)))

    def _binary(self, node: cst.BinaryOperation) -> Compute:
        function = _OPERATORS.get(BINARY.get(type(node.operator), ""))
        if function is None:
            raise _NotPlain
        left, right = self.of(node.left), self.of(node.right)
        return lambda item: function(left(item), right(item))

    def _unary(self, node: cst.UnaryOperation) -> Compute:
        operand = self.of(node.expression)
        if isinstance(node.operator, cst.Not):
            return lambda item: not operand(item)
        if isinstance(node.operator, cst.Minus):
            return lambda item: -operand(item)
        raise _NotPlain

    def _comparison(self, node: cst.Comparison) -> Compute:
        only = node.comparisons[0]
        function = _COMPARISONS.get(BINARY.get(type(only.operator), ""))
        if function is None or len(node.comparisons) > 1:
            raise _NotPlain
        left, right = self.of(node.left), self.of(only.comparator)
        return lambda item: function(left(item), right(item))

    def _boolean(self, node: cst.BooleanOperation) -> Compute:
        left, right = self.of(node.left), self.of(node.right)
        if isinstance(node.operator, cst.And):
            return lambda item: left(item) and right(item)
        return lambda item: left(item) or right(item)

    def _call(self, node: cst.Call) -> Compute:
        if any(each.keyword is not None or each.star for each in node.args):
            raise _NotPlain
        function = self._function(node.func)
        arguments = [self.of(each.value) for each in node.args]
        if len(arguments) == 1:
            only = arguments[0]
            return lambda item: function(only(item))
        return lambda item: function(*[each(item) for each in arguments])

    def _function(self, node: cst.BaseExpression) -> Callable[..., Number]:
        if isinstance(node, cst.Name):
            found = look_up(self._frame.scope, node.value)
            name = found.name if isinstance(found, External | Builtin) else ""
        elif isinstance(node, cst.Attribute) and isinstance(node.value, cst.Name):
            module = look_up(self._frame.scope, node.value.value)
            name = f"{module.name}.{node.attr.value}" if isinstance(module, External) else ""
        else:
            raise _NotPlain
        function = _FUNCTIONS.get(name)
        if function is None:
            raise _NotPlain
        return function


_READS_ALL = "__getattribute__"


def _of_known(value: Value | None) -> Compute:
    """What gives a number that is known, and no index of a loop. Raises `_NotPlain`."""
    if not isinstance(value, Known) or value.loop is not None:
        raise _NotPlain
    number = _number(value.value)
    return lambda _: number


def _constant(node: cst.Integer | cst.Float) -> Compute:
    if len(node.value) > _LONGEST_NUMBER:
        raise _NotPlain
    text = node.value.replace("_", "")
    number = float(text) if isinstance(node, cst.Float) else int(text, 0)
    return lambda _: number


def _number(value: Constant) -> Number:
    if not isinstance(value, int | float):
        raise _NotPlain
    return value


def _power(base: Number, exponent: Number) -> Number:
    if isinstance(base, int) and isinstance(exponent, int):
        _fits(base.bit_length() * max(exponent, 1))
    result: object = base**exponent
    if not isinstance(result, int | float):
        raise _NotPlain  # the root of a negative number
    return result


def _product(left: Number, right: Number) -> Number:
    if isinstance(left, int) and isinstance(right, int):
        _fits(left.bit_length() + right.bit_length())
    return left * right


def _fits(bits: int) -> None:
    if bits > LARGEST_BITS:
        raise _NotPlain


_OPERATORS: dict[str, Callable[[Number, Number], Number]] = {
    "add": operator.add,
    "sub": operator.sub,
    "mul": _product,
    "truediv": operator.truediv,
    "floordiv": operator.floordiv,
    "mod": operator.mod,
    "pow": _power,
}
_COMPARISONS: dict[str, Callable[[Number, Number], bool]] = {
    name: getattr(operator, name) for name in ("eq", "ne", "lt", "le", "gt", "ge")
}
_FUNCTIONS: dict[str, Callable[..., Number]] = {
    **{f"math.{name}": getattr(math, name) for name in _MATH},
    "abs": abs,
    "float": float,
    "int": int,
    "max": max,
    "min": min,
    "round": round,
}
