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

OPTIONAL_IMPORT = "optional-import"
"""The reason of a name that only an import binds which has not run, or that failed."""
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
        machine.pass_over(_unbound(node, frame))
        return where_set(value)
    if node.value in _imported_names(frame.file.tree):
        return Unknown(OPTIONAL_IMPORT, frame.place(node), node.value)
    others = frame.scope.namespace.globals.get(ANY_NAME)
    if isinstance(others, External):
        return machine.loader.member(machine, others, node.value)
    if others is not None:
        return others
    raise _unbound(node, frame)


def delete_name(machine: Machine, node: cst.Name, frame: Frame) -> None:
    """`del name`."""
    scope = frame.scope
    value = scope.names.get(node.value)
    if value is None and node.value not in scope.declared_global | scope.declared_nonlocal:
        raise _unbound(node, frame)
    if value is not None and may_be_absent(value):
        machine.pass_over(_unbound(node, frame))
    machine.trail.delete_key(scope.names, node.value)


def check_local(frame: Frame, node: cst.Name) -> None:
    """Raise what Python does for `name += 1` in a function whose scope does not have the name."""
    scope, name = frame.scope, node.value
    if frame.function is None or scope.of_class or name in scope.names:
        return
    if name not in scope.declared_global | scope.declared_nonlocal:
        raise _unbound(node, frame)


def _unbound(node: cst.Name, frame: Frame) -> Raised:
    """What Python says of a name that nothing binds; those that a function assigns are local."""
    name, where = node.value, frame.place(node)
    if frame.function is not None and name in _assigned_names(frame.function.node):
        text = f"cannot access local variable '{name}' where it is not associated with a value"
        return Raised("UnboundLocalError", text, where)
    return Raised("NameError", f"name '{name}' is not defined", where)


@lru_cache(maxsize=64)
def _assigned_names(function: cst.FunctionDef | cst.Lambda) -> frozenset[str]:
    """The names that assignments, loops and `del` in `function` make local."""
    nodes = descendants(function)
    targets = [
        each.target for each in nodes if isinstance(each, _ASSIGNING) and each.target is not None
    ]
    return frozenset(each.value for each in targets if isinstance(each, cst.Name))


_ASSIGNING = (cst.AssignTarget, cst.AugAssign, cst.AnnAssign, cst.For, cst.Del, cst.NamedExpr)


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
