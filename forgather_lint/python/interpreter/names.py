"""Looking up and binding names."""

from __future__ import annotations

import builtins
from functools import lru_cache
from typing import TYPE_CHECKING

import libcst as cst

from forgather_lint.documents.walk import descendants, of_kind
from forgather_lint.python.interpreter.dispatch import BUILTINS, expression, statement
from forgather_lint.python.interpreter.frame import Completion, Frame, Raised
from forgather_lint.python.values.joining import may_be_absent, where_set
from forgather_lint.python.values.objects import ANY_NAME, Scope
from forgather_lint.python.values.value import (
    Builtin,
    Choice,
    External,
    Known,
    Unknown,
    Value,
    known,
)

if TYPE_CHECKING:
    from forgather_lint.python.interpreter.machine import Machine

_TYPES = frozenset(
    name for name, value in vars(builtins).items() if isinstance(value, type) or callable(value)
)
_CONSTANTS = {"True": True, "False": False, "None": None, "Ellipsis": ..., "__debug__": True}


@expression(cst.Name)
def name(machine: Machine, node: cst.Name, frame: Frame) -> Value:
    value = look_up(frame.scope, node.value)
    if value is not None:
        machine.run.loop_copies.met(value)
        if not (isinstance(value, Choice) and may_be_absent(value)):
            return value
        text = (
            f"cannot access local variable '{node.value}' where it is not associated with a value"
        )
        machine.pass_over(Raised("UnboundLocalError", text, frame.place(node)))
        return where_set(value)
    if node.value in _imported_names(frame.file.tree):
        return Unknown("optional-import", frame.place(node), node.value)
    others = frame.scope.namespace.globals.get(ANY_NAME)
    if isinstance(others, External):
        return machine.loader.member(machine, others, node.value)
    if others is not None:
        return others
    if frame.function is not None and node.value in _assigned_names(frame.function.node):
        raise _unbound(node, frame)
    raise Raised("NameError", f"name '{node.value}' is not defined", frame.place(node))


def delete_name(machine: Machine, node: cst.Name, frame: Frame) -> None:
    """`del name`."""
    value = frame.scope.names.get(node.value)
    if (
        value is None
        and node.value not in frame.scope.declared_global | frame.scope.declared_nonlocal
    ):
        if frame.function is not None:
            raise _unbound(node, frame)
        raise Raised("NameError", f"name '{node.value}' is not defined", frame.place(node))
    if isinstance(value, Choice) and may_be_absent(value):
        machine.pass_over(_unbound(node, frame))
    machine.trail.delete_key(frame.scope.names, node.value)


def _unbound(node: cst.Name, frame: Frame) -> Raised:
    text = f"cannot access local variable '{node.value}' where it is not associated with a value"
    return Raised("UnboundLocalError", text, frame.place(node))


@lru_cache(maxsize=64)
def _assigned_names(function: cst.FunctionDef | cst.Lambda) -> frozenset[str]:
    """The names that assignments and loops in `function` bind."""
    nodes = of_kind(descendants(function), cst.AssignTarget, cst.AugAssign, cst.For)
    return frozenset(node.target.value for node in nodes if isinstance(node.target, cst.Name))


@lru_cache(maxsize=64)
def _imported_names(module: cst.Module) -> frozenset[str]:
    """The names that imports anywhere in `module` bind, whether or not the package is installed."""
    imports = of_kind(descendants(module), cst.Import, cst.ImportFrom)
    return frozenset(
        (alias.evaluated_alias or alias.evaluated_name).partition(".")[0]
        for each in imports
        if not isinstance(each.names, cst.ImportStar)
        for alias in each.names
    )


def look_up(scope: Scope, name: str) -> Value | None:
    """The value of `name` in `scope`; None when nothing binds it."""
    inner: Scope | None = scope
    while inner is not None:
        visible = inner is scope or not inner.of_class
        if visible and name in inner.names and name not in inner.declared_global:
            return inner.names[name]
        inner = inner.outer
    found = scope.namespace.globals.get(name)
    if found is not None:
        return found
    return builtin_value(name)


def builtin_value(name: str) -> Value | None:
    """The Python builtin `name`; None when there is none."""
    if name in _CONSTANTS:
        return Known(_CONSTANTS[name])
    if name in BUILTINS or name in _TYPES:
        return Builtin(name)
    return _ELSE.get(name)


_ELSE: dict[str, Value] = {
    "__name__": known("__model__"),
    "__file__": Unknown("file-path"),
    "NotImplemented": Unknown("not-implemented"),
}
"""Further global names. `NotImplemented` is unknown: the other operand decides, if anything."""


def bind_name(machine: Machine, frame: Frame, name: str, value: Value) -> None:
    """Bind `name` in the scope to which an assignment in `frame` belongs."""
    scope = frame.scope
    if name in scope.declared_global:
        machine.trail.set_shared(scope.namespace.globals, name, value)
    elif name in scope.declared_nonlocal:
        outer = scope.outer
        while outer is not None and name not in outer.names:
            outer = outer.outer
        machine.trail.set_shared((outer or scope).names, name, value)
    else:
        machine.trail.set_key(scope.names, name, value)


@statement(cst.Global)
def global_statement(machine: Machine, node: cst.Global, frame: Frame) -> Completion:
    frame.scope.declared_global.update(item.name.value for item in node.names)
    return None


@statement(cst.Nonlocal)
def nonlocal_statement(machine: Machine, node: cst.Nonlocal, frame: Frame) -> Completion:
    frame.scope.declared_nonlocal.update(item.name.value for item in node.names)
    return None
