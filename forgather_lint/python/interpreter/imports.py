"""`import` and `from ... import`."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

import libcst as cst

from forgather_lint.core.source import Place
from forgather_lint.python.interpreter.attributes import read
from forgather_lint.python.interpreter.dispatch import statement
from forgather_lint.python.interpreter.frame import Completion, Frame, NotInstalled, Raised
from forgather_lint.python.interpreter.names import bind_name
from forgather_lint.python.values.objects import ANY_NAME, Namespace
from forgather_lint.python.values.value import External, Known, Unknown, Value

if TYPE_CHECKING:
    from forgather_lint.python.interpreter.machine import Machine


@statement(cst.Import)
def import_statement(machine: Machine, node: cst.Import, frame: Frame) -> Completion:
    for alias in node.names:
        name = _dotted(alias.name)
        module = _load(machine, name, node, frame)
        if alias.asname is not None and isinstance(alias.asname.name, cst.Name):
            bind_name(machine, frame, alias.asname.name.value, module)
        else:
            top = name.partition(".")[0]
            value = module if top == name else _load(machine, top, node, frame)
            bind_name(machine, frame, top, value)
    return None


@statement(cst.ImportFrom)
def import_from(machine: Machine, node: cst.ImportFrom, frame: Frame) -> Completion:
    name = _dotted(node.module) if node.module is not None else ""
    if node.relative:
        namespace = frame.scope.namespace
        name = machine.loader.resolve_relative(namespace, name, len(node.relative))
    module = (
        _load(machine, name, node, frame)
        if name
        else Unknown("outside-the-package", frame.place(node))
    )
    if isinstance(node.names, cst.ImportStar):
        _import_all(machine, module, name, node, frame)
        return None
    for alias in node.names:
        assert isinstance(alias.name, cst.Name)
        value = member_of(machine, module, name, alias.name.value, frame, node)
        target = alias.asname.name if alias.asname is not None else alias.name
        assert isinstance(target, cst.Name)
        bind_name(machine, frame, target.value, value)
    return None


def _load(machine: Machine, name: str, node: cst.CSTNode, frame: Frame) -> Value:
    """The module `name`; unknown when its package is not installed.

    In code that catches the import error it is raised. Other code could not run without the
    package, so the package will be there where the model is served.
    """
    where = frame.place(node)
    try:
        module = machine.loader.load(machine, name)
    except NotInstalled as error:
        if error.package == machine.environment.host:
            machine.leave_unproved(Unknown("asks-who-runs-it", where, f"imports {error.package}"))
        elif machine.run.prepared_for_missing:
            raise NotInstalled(error.package, where) from None
        machine.loader.missing.setdefault(error.package, where)
        return Unknown("not-installed", where, error.package)
    except Raised as error:
        if error.where.span.path:
            raise
        raise Raised(error.kind, error.text, where) from None
    if isinstance(module, External):
        _refuse(machine, machine.environment.modules.module_error(name), node, frame)
    return module


def _refuse(machine: Machine, error: str, node: cst.CSTNode, frame: Frame) -> None:
    """Raise the error of an import, "" for none, unless it is told with all others of its file."""
    if error and not (machine.environment.imports_told and _stands_at_the_top(node, frame)):
        kind, _, text = error.partition(": ")
        raise Raised(kind, text, frame.place(node))


def member_of(
    machine: Machine, module: Value, module_name: str, name: str, frame: Frame, node: cst.CSTNode
) -> Value:
    """The value of `from module import name`."""
    where = frame.place(node)
    if isinstance(module, External):
        error = machine.environment.modules.import_error(module_name, name)
        _refuse(machine, error, node, frame)
        return machine.loader.member(machine, module, name)
    try:
        return read(machine, module, name, where)
    except Raised:
        inside = _module_inside(machine, f"{module_name}.{name}")
        if inside is not None:
            return inside
        raise Raised(
            "ImportError", f"cannot import name '{name}' from '{module_name}'", where
        ) from None


def _stands_at_the_top(node: cst.CSTNode, frame: Frame) -> bool:
    """Whether the import is a statement of the file itself: those are told all at once."""
    lines = (line for line in frame.file.tree.body if isinstance(line, cst.SimpleStatementLine))
    return frame.function is None and any(node is each for line in lines for each in line.body)


def _module_inside(machine: Machine, name: str) -> Value | None:
    """The module `name`, if its source is read; else None."""
    try:
        found = machine.loader.load(machine, name)
    except Raised:
        return None
    return None if isinstance(found, External) else found


def _import_all(
    machine: Machine, module: Value, module_name: str, node: cst.ImportFrom, frame: Frame
) -> None:
    """`from module import *`: what `__all__` names, else all names without a leading underscore."""
    where = frame.place(node)
    names = _exported(machine, module, where)
    for name in names or ():
        if isinstance(module, Namespace):
            value = read(machine, module, name, where)
        else:
            value = member_of(machine, module, module_name, name, frame, node)
        bind_name(machine, frame, name, value)
    others: Value | None = module
    if isinstance(module, Namespace):
        more = Unknown("star-import", where) if names is None else None
        others = more or module.globals.get(ANY_NAME)
    if others is None:
        return
    if not (isinstance(others, External) and others.name in _LISTED):
        # What else there is may stand in front of a builtin, or of what was bound before.
        machine.leave_unproved(Unknown("star-import", where, module_name))
    both = ANY_NAME in frame.scope.namespace.globals
    bind_name(machine, frame, ANY_NAME, Unknown("star-import", where) if both else others)


def _exported(machine: Machine, module: Value, where: Place) -> Sequence[str] | None:
    """The names that `import *` takes from `module`; None where they are not known."""
    if isinstance(module, External):
        if module.name not in _LISTED:
            return None
        listed = importlib.import_module(module.name)
        return getattr(listed, "__all__", None) or [
            name for name in vars(listed) if not name.startswith("_")
        ]
    if not isinstance(module, Namespace):
        return None
    told = module.globals.get("__all__")
    if told is None:
        return [name for name in module.globals if not name.startswith("_") and name != ANY_NAME]
    items, rest = machine.items_of(told, where)
    texts = [
        item.value for item in items if isinstance(item, Known) and isinstance(item.value, str)
    ]
    return texts if rest is None and len(texts) == len(items) else None


_LISTED = frozenset(
    "abc collections collections.abc contextlib copy dataclasses enum functools itertools math "
    "operator types typing warnings".split()
)
"""Modules of the standard library that tell which names they have; to import them does no more.

Other releases of Python have others in them: a name that is not bound may come from there.
"""


def _dotted(node: cst.BaseExpression) -> str:
    if isinstance(node, cst.Attribute):
        return f"{_dotted(node.value)}.{node.attr.value}"
    return node.value if isinstance(node, cst.Name) else ""
