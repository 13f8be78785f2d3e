"""Runs one expression of torch code through the table of ops, on abstract tensors.

This is no second interpreter of models: it has no statements, names, calls of functions or
branches. A case of `op_cases.py` is one expression that torch evaluates on real tensors
(`real_ops.py`); here the same text is taken apart into calls of the table, so that a shape or a
placement that differs is the op's fault. Run through the interpreter the case would be a model in a
file, with the rest of it between the op and the answer, and each of a thousand would be parsed and
built; what the interpreter makes of such expressions is tested where it is (`test_branches.py`,
`test_tree_of_statements.py`).
"""

from __future__ import annotations

import ast
import importlib
import operator
import pkgutil
from collections.abc import Callable, Mapping
from functools import cache

import forgather_lint.libraries
from forgather_lint.core.source import Place, file_start
from forgather_lint.python.interpreter.budget import Budget
from forgather_lint.python.interpreter.environment import Environment
from forgather_lint.python.interpreter.library import OpFailure, Site, op_named, run
from forgather_lint.python.interpreter.trail import Trail
from forgather_lint.python.values import dims
from forgather_lint.python.values.objects import Instance, LibraryMethod
from forgather_lint.python.values.value import (
    NONE,
    Arguments,
    External,
    Known,
    ListValue,
    NamedTupleValue,
    SliceValue,
    SymbolicInt,
    TensorValue,
    TupleValue,
    Unknown,
    Value,
    integer,
    size_of,
)

HERE = file_start("case.py")
MODULES = {"torch": "torch", "F": "torch.nn.functional"}

_OPERATORS: dict[type[ast.AST], str] = {
    ast.Add: "add",
    ast.Sub: "sub",
    ast.Mult: "mul",
    ast.Div: "truediv",
    ast.FloorDiv: "floordiv",
    ast.Mod: "mod",
    ast.Pow: "pow",
    ast.MatMult: "matmul",
    ast.BitAnd: "and_",
    ast.BitOr: "or_",
    ast.BitXor: "xor",
    ast.Lt: "lt",
    ast.LtE: "le",
    ast.Gt: "gt",
    ast.GtE: "ge",
    ast.Eq: "eq",
    ast.NotEq: "ne",
    ast.USub: "neg",
    ast.Invert: "invert",
}
_SIZES: dict[str, Callable[[dims.Size, dims.Size], dims.Size]] = {
    "add": dims.add,
    "sub": dims.subtract,
    "mul": dims.multiply,
    "floordiv": dims.floor_divide,
}


@cache
def load_ops() -> None:
    """Import every file of ops, in the folders too."""
    package = forgather_lint.libraries
    for info in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        importlib.import_module(info.name)


class _NoRun:
    autocast = False


class NoEvaluator:
    """Ops on tensors ask the interpreter for nothing but the dtype that is in force."""

    environment = Environment(dtype_named=True)
    run = _NoRun()
    trail = Trail()
    budget = Budget(10**9)

    def call(self, function: Value, arguments: Arguments, where: Place) -> Value:
        raise NotImplementedError

    def attribute(self, value: Value, name: str, where: Place) -> Value:
        raise NotImplementedError

    def set_attribute(self, target: Value, name: str, value: Value, where: Place) -> None:
        raise NotImplementedError

    def ran_unknown_code(self, arguments: Arguments, where: Place) -> None:
        raise NotImplementedError

    def leave_unproved(self, why: Unknown) -> None:
        raise NotImplementedError

    def items_of(
        self, value: Value, where: Place | None = None
    ) -> tuple[list[Value], Unknown | None]:
        return [], Unknown("no-interpreter")


def evaluate(text: str, names: Mapping[str, Value]) -> Value:
    """The value of the last statement of `text`.

    Raises `OpFailure` for what torch would refuse.
    """
    load_ops()
    runner = _Runner(dict(names))
    value: Value = NONE
    for statement in ast.parse(text).body:
        value = runner.statement(statement)
    return value


class _Runner:
    def __init__(self, names: dict[str, Value]) -> None:
        self.names = names

    def statement(self, node: ast.stmt) -> Value:
        if isinstance(node, ast.Expr):
            return self.expression(node.value)
        assert isinstance(node, ast.Assign)
        value = self.expression(node.value)
        (target,) = node.targets
        if isinstance(target, ast.Name):
            self.names[target.id] = value
        elif isinstance(target, ast.Tuple):
            assert isinstance(value, TupleValue)
            check_unpacked(len(target.elts), len(value.items))
            for name, item in zip(target.elts, value.items, strict=True):
                assert isinstance(name, ast.Name)
                self.names[name.id] = item
        else:
            assert isinstance(target, ast.Subscript) and isinstance(target.value, ast.Name)
            arguments = [self.names[target.value.id], self.expression(target.slice), value]
            self.names[target.value.id] = call("operator.setitem", *arguments)
        return NONE

    def expression(self, node: ast.expr) -> Value:
        match node:
            case ast.Constant():
                return Known(node.value)
            case ast.Name():
                return self.names.get(node.id) or External(MODULES.get(node.id, node.id))
            case ast.Tuple():
                return TupleValue(tuple(self._items(node.elts)))
            case ast.List():
                return ListValue(self._items(node.elts))
            case ast.Slice():
                parts = (node.lower, node.upper, node.step)
                return SliceValue(*(self.expression(part) if part else NONE for part in parts))
            case ast.Attribute():
                return attribute(self.expression(node.value), node.attr)
            case ast.BinOp():
                return self._operator(node.op, node.left, node.right)
            case ast.Compare():
                return self._operator(node.ops[0], node.left, node.comparators[0])
            case ast.UnaryOp():
                return self._operator(node.op, node.operand)
            case ast.Subscript():
                return subscript(self.expression(node.value), self.expression(node.slice))
            case ast.Call():
                return self._call(node)
        raise NotImplementedError(ast.dump(node))

    def _items(self, nodes: list[ast.expr]) -> list[Value]:
        items: list[Value] = []
        for node in nodes:
            if isinstance(node, ast.Starred):
                starred = self.expression(node.value)
                assert isinstance(starred, TupleValue)
                items += starred.items
            else:
                items.append(self.expression(node))
        return items

    def _operator(self, symbol: ast.AST, *nodes: ast.expr) -> Value:
        name = _OPERATORS[type(symbol)]
        operands = [self.expression(node) for node in nodes]
        if any(isinstance(operand, TensorValue) for operand in operands):
            return call(f"operator.{name}", *operands)
        numbers = [operand.value for operand in operands if isinstance(operand, Known)]
        if len(numbers) == len(operands):
            return Known(getattr(operator, name)(*numbers))
        left, right = (size_of(operand) for operand in operands)
        assert left is not None and right is not None
        return integer(_SIZES[name](left, right))

    def _call(self, node: ast.Call) -> Value:
        function = self.expression(node.func)
        positional = self._items(node.args)
        keywords = {str(each.arg): self.expression(each.value) for each in node.keywords}
        if isinstance(function, LibraryMethod):
            return call(function.name, function.receiver, *positional, **keywords)
        assert isinstance(function, External), function
        if function.name == "len":
            return call("Tensor.__len__", *positional)
        return call(function.name, *positional, **keywords)


def check_unpacked(wanted: int, found: int) -> None:
    if found < wanted:
        text = f"not enough values to unpack (expected {wanted}, got {found})"
        raise OpFailure("ValueError", text)


def call(name: str, *positional: Value, **keywords: Value) -> Value:
    """The result of the op `name`."""
    load_ops()
    meaning = op_named(name)
    if meaning is None:
        raise LookupError(name)
    site = Site(NoEvaluator(), HERE, name)
    return run(meaning, site, Arguments(list(positional), dict(keywords)))


def attribute(value: Value, name: str) -> Value:
    if isinstance(value, External):
        return External(f"{value.name}.{name}")
    if isinstance(value, NamedTupleValue):
        return value.items[value.names.index(name)]
    if isinstance(value, Instance):
        return value.attributes[name]
    assert isinstance(value, TensorValue), value
    getter = f"Tensor.{name}.get"
    return call(getter, value) if op_named(getter) else LibraryMethod(value, f"Tensor.{name}")


def subscript(value: Value, key: Value) -> Value:
    if isinstance(value, TensorValue):
        return call("operator.getitem", value, key)
    assert isinstance(value, TupleValue), value
    if isinstance(key, SliceValue):
        start, stop = size_of(key.start), size_of(key.stop)
        assert not isinstance(start, dims.Poly) and not isinstance(stop, dims.Poly)
        return TupleValue(value.items[start:stop])
    place = size_of(key)
    assert isinstance(place, int)
    if place >= len(value.items):
        raise OpFailure("IndexError", "tuple index out of range")
    return value.items[place]


def substituted(size: dims.Size | None, values: Mapping[str, int]) -> int | None:
    """A size on a rank with numbers for its symbols; None where that is not a size."""
    if size is None:
        return None
    total = dims.local(size)
    if isinstance(total, int):
        return total
    result = 0
    for names, factor in total.terms:
        for name in names:
            if name not in values:
                return None
            factor *= values[name]
        result += factor
    return result


__all__ = ["HERE", "OpFailure", "SymbolicInt", "call", "evaluate", "load_ops", "substituted"]
