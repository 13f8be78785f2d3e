"""Function definitions, lambdas and decorators."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import libcst as cst

from forgather_lint.documents.python import NodePlace
from forgather_lint.python.interpreter.annotations import check_signature
from forgather_lint.python.interpreter.binding import defaults_of
from forgather_lint.python.interpreter.dispatch import expression, statement
from forgather_lint.python.interpreter.frame import Completion, Frame, Returned
from forgather_lint.python.interpreter.names import bind_name
from forgather_lint.python.values.objects import (
    ClassMethod,
    ClassValue,
    FunctionValue,
    PartialCall,
    Property,
    StaticMethod,
)
from forgather_lint.python.values.value import (
    NONE,
    Arguments,
    Builtin,
    External,
    Unknown,
    Value,
)

if TYPE_CHECKING:
    from forgather_lint.python.interpreter.machine import Machine


@statement(cst.FunctionDef)
def function_definition(machine: Machine, node: cst.FunctionDef, frame: Frame) -> Completion:
    name = node.name.value
    check_signature(machine, node, frame)
    function = FunctionValue(
        name=name,
        node=node,
        scope=frame.scope,
        defaults=defaults_of(machine, node, frame),
        where=NodePlace(frame.file, node),
        inside=_inside(frame),
    )
    value: Value = function
    for decorator in reversed(node.decorators):
        value = _decorated(machine, decorator, value, frame)
    if name in ("__init_subclass__", "__class_getitem__"):
        value = ClassMethod(value)
    bind_name(machine, frame, name, value)
    return None


def _inside(frame: Frame) -> str:
    """The qualified name of the function that runs in `frame`."""
    maker = frame.function
    if maker is None:
        return ""
    named = f"{maker.owner.name}.{maker.name}" if maker.owner is not None else maker.name
    return f"{maker.inside}.<locals>.{named}" if maker.inside else named


_WRAPPERS: dict[str, Callable[[Value], Value]] = {
    "staticmethod": StaticMethod,
    "classmethod": ClassMethod,
    "property": Property,
}


_UPDATE_WRAPPER = External("functools.update_wrapper")


def _decorated(machine: Machine, node: cst.Decorator, value: Value, frame: Frame) -> Value:
    """`value` as decorated; a decorator without source is taken to return the function."""
    if isinstance(node.decorator, cst.Attribute) and node.decorator.attr.value == "setter":
        return _with_setter(machine, node.decorator, value, frame)
    decorator = machine.evaluate(node.decorator, frame)
    if isinstance(decorator, Builtin) and decorator.name in _WRAPPERS:
        return _WRAPPERS[decorator.name](value)
    if decorator == External("functools.cached_property"):
        return Property(value, cached=True)
    if isinstance(decorator, PartialCall) and decorator.function == _UPDATE_WRAPPER:
        if isinstance(value, FunctionValue):
            value.wrapped = decorator.keywords["wrapped"]
        return value
    if isinstance(decorator, FunctionValue):
        return machine.call(decorator, Arguments([value]), frame.place(node))
    if isinstance(value, FunctionValue):
        value.decorators = (*value.decorators, decorator)
        value.taken = value.taken | machine.library.taken_by(decorator)
        if not machine.library.keeps(decorator):
            value.wrapped_by = Unknown("unknown-decorator", frame.place(node))
    return value


def _with_setter(machine: Machine, node: cst.Attribute, value: Value, frame: Frame) -> Value:
    getter = machine.evaluate(node.value, frame)
    if not isinstance(getter, Property):
        return value
    return Property(getter.getter, setter=value)


@expression(cst.Lambda)
def lambda_expression(machine: Machine, node: cst.Lambda, frame: Frame) -> Value:
    return FunctionValue(
        name="<lambda>",
        node=node,
        scope=frame.scope,
        defaults=defaults_of(machine, node, frame),
        where=NodePlace(frame.file, node),
        inside=_inside(frame),
    )


def adopt_methods(cls: ClassValue) -> None:
    """Set `owner` of the functions in the body of `cls`."""
    for value in cls.namespace.values():
        _adopt(value, cls)


def _adopt(value: Value | None, cls: ClassValue) -> None:
    if isinstance(value, FunctionValue):
        if value.owner is None:
            value.owner = cls
            _adopt(value.wrapped, cls)
    elif isinstance(value, StaticMethod | ClassMethod):
        _adopt(value.function, cls)
    elif isinstance(value, Property):
        _adopt(value.getter, cls)
        _adopt(value.setter, cls)


@statement(cst.Return)
def return_statement(machine: Machine, node: cst.Return, frame: Frame) -> Completion:
    return Returned(machine.evaluate(node.value, frame) if node.value else NONE)


@expression(cst.Yield)
def yield_expression(machine: Machine, node: cst.Yield, frame: Frame) -> Value:
    if isinstance(node.value, cst.From):
        items, rest = machine.items_of(machine.evaluate(node.value.item, frame))
    else:
        items, rest = [machine.evaluate(node.value, frame) if node.value else NONE], None
    assert frame.yielded is not None
    for item in items:
        machine.trail.append(frame.yielded, item)
    machine.trail.may_hold_more(frame.yielded, rest)
    return NONE


@expression(cst.Await)
def await_expression(machine: Machine, node: cst.Await, frame: Frame) -> Value:
    return Unknown("await", frame.place(node))
