"""The truth value of a value."""

from __future__ import annotations

from typing import TYPE_CHECKING

from forgather_lint.core.source import Place
from forgather_lint.python.interpreter.classes import find_member
from forgather_lint.python.interpreter.frame import Raised
from forgather_lint.python.values import dims
from forgather_lint.python.values.loop_index import decide
from forgather_lint.python.values.objects import ClassValue, FunctionValue, Instance, PartialCall
from forgather_lint.python.values.value import (
    Arguments,
    Builtin,
    Choice,
    DictValue,
    External,
    IterableValue,
    Known,
    ListValue,
    SetValue,
    SymbolicInt,
    TensorValue,
    TupleValue,
    Unknown,
    Value,
    may_have_fewer,
)

if TYPE_CHECKING:
    from forgather_lint.python.interpreter.machine import Machine


def truth(machine: Machine, value: Value, where: Place | None = None) -> bool | None:
    """`bool(value)` at `where`; None when it cannot be decided."""
    if isinstance(value, TensorValue):
        machine.library.read_number(machine, value, where or value.origin)
        if where is not None:
            _check_one_value(value, where)
    if isinstance(value, Known):
        return decide(bool, value)
    if isinstance(value, TupleValue):
        return bool(value.items)
    if isinstance(value, IterableValue) and value.is_iterator:
        return True
    if isinstance(value, ListValue | DictValue | SetValue):
        if not value.items or may_have_fewer(value):
            return None if value.rest else False
        return True
    if isinstance(value, SymbolicInt):
        sign = dims.compare_any(value.size, 0)
        return None if sign is None else sign != 0
    if isinstance(value, Choice):
        return _agreed([truth(machine, option, where) for option in value.options])
    if isinstance(value, Instance):
        return _truth_of_instance(machine, value)
    if isinstance(value, ClassValue | FunctionValue | External | PartialCall | Builtin):
        return True
    return None if isinstance(value, Unknown | TensorValue) else True


def _check_one_value(value: TensorValue, where: Place) -> None:
    """Raise what torch does for a tensor that surely has another number of elements than one."""
    shape = value.shape
    if shape is None or None in shape:
        return
    few = "no values" if 0 in shape else "more than one value"
    if any(isinstance(size, int) and size != 1 for size in shape):
        text = f"Boolean value of Tensor with {few} is ambiguous"
        raise Raised("RuntimeError", text, where)


def _truth_of_instance(machine: Machine, instance: Instance) -> bool | None:
    """Truth of an object: its `__bool__`, else its `__len__`; without either it is true."""
    here = instance.where
    for name in ("__bool__", "__len__"):
        if find_member(machine, instance.cls, name) is not None:
            method = machine.attribute(instance, name, here)
            return truth(machine, machine.call(method, Arguments(), here))
    return None if instance.open and isinstance(instance.cls, ClassValue) else True


def _agreed(truths: list[bool | None]) -> bool | None:
    return truths[0] if all(each == truths[0] for each in truths) else None
