"""`raise`, `try` and `with`."""

from __future__ import annotations

import builtins
from typing import TYPE_CHECKING

import libcst as cst

from forgather_lint.core.source import Place
from forgather_lint.python.interpreter.attributes import read
from forgather_lint.python.interpreter.classes import find_member, order_of, surely_lacks
from forgather_lint.python.interpreter.dispatch import statement
from forgather_lint.python.interpreter.frame import Completion, Frame, NotInstalled, Raised
from forgather_lint.python.interpreter.iteration import take
from forgather_lint.python.interpreter.names import bind_name
from forgather_lint.python.values.objects import ClassValue, FunctionValue, Instance, PartialCall
from forgather_lint.python.values.type_names import type_name
from forgather_lint.python.values.value import (
    NONE,
    Arguments,
    Builtin,
    DictValue,
    External,
    IterableValue,
    Known,
    ListValue,
    TupleValue,
    Unknown,
    Value,
    next_serial,
)

if TYPE_CHECKING:
    from forgather_lint.python.interpreter.machine import Machine


@statement(cst.Raise)
def raise_statement(machine: Machine, node: cst.Raise, frame: Frame) -> Completion:
    where = frame.place(node)
    if node.exc is None:
        if frame.handled is not None:
            raise frame.handled
        raise Raised("RuntimeError", "No active exception to reraise", where)
    if isinstance(node.exc, cst.Call):
        kind = machine.evaluate(node.exc.func, frame)
        texts = [machine.evaluate(argument.value, frame) for argument in node.exc.args]
        text = _text_of(kind, texts)
        raise _raised(machine, kind, text, where)
    value = machine.evaluate(node.exc, frame)
    kind = value.cls if isinstance(value, Instance) else value
    raise _raised(machine, kind, "", where)


def _text_of(kind: Value, given: list[Value]) -> str:
    """`str(error)` for an exception of the class `kind` made with the arguments `given`."""
    if len(given) == 1 and isinstance(given[0], Known):
        only = given[0].value
        return repr(only) if exception_name(kind) == "KeyError" else str(only)
    values = tuple(each.value for each in given if isinstance(each, Known))
    if isinstance(kind, Builtin) and len(values) == len(given) > 1:
        return str(values)
    return str(values[0]) if values and isinstance(given[0], Known) else ""


def _raised(machine: Machine, kind: Value, text: str, where: Place) -> Raised:
    error = Raised(exception_name(kind), text, where, kind)
    if not isinstance(kind, Builtin | ClassValue | External | PartialCall):
        error.doubt = Unknown("unknown-exception", where)
    if error.kind in ("ImportError", "ModuleNotFoundError"):
        # What can be imported here says nothing of where the model is served.
        error.doubt = Unknown("package-may-be-installed", where)
    return machine.doubted(error)


def exception_name(kind: Value) -> str:
    """The name of an exception class."""
    match kind:
        case Builtin(name):
            return name
        case ClassValue():
            return kind.name
        case External(name):
            return name.rpartition(".")[2]
        case PartialCall(function):
            return exception_name(function)
    return "Exception"


@statement(cst.Try)
def try_statement(machine: Machine, node: cst.Try, frame: Frame) -> Completion:
    try:
        completion = _guarded(machine, node, frame)
    except Raised:
        if node.finalbody:
            machine.execute(node.finalbody.body.body, frame)
        raise
    if node.finalbody:
        last = machine.execute(node.finalbody.body.body, frame)
        return last if last is not None else completion
    return completion


def _guarded(machine: Machine, node: cst.Try, frame: Frame) -> Completion:
    depth = machine.trail.depth
    before = machine.run.prepared_for_missing
    machine.run.prepared_for_missing = before or _expects_missing(machine, node, frame)
    calls, values = machine.run.unknown_calls, machine.run.unknown_values
    try:
        completion = machine.execute(node.body.body, frame)
    except Raised as error:
        _leave_branches(machine, frame, depth)
        for handler in node.handlers:
            if _catches(machine, handler, error, frame):
                return _handled(machine, node, handler, error, frame)
        raise
    finally:
        machine.run.prepared_for_missing = before
    if node.handlers and machine.run.unknown_calls > calls:
        machine.assume(Unknown("perhaps-caught", frame.place(node)))
    if node.handlers and machine.run.unknown_values > values:
        machine.leave_unproved(Unknown("perhaps-caught", frame.place(node)))
    if completion is None and node.orelse:
        return machine.execute(node.orelse.body.body, frame)
    return completion


def _leave_branches(machine: Machine, frame: Frame, depth: int) -> None:
    """Close the branches opened since `depth`, keeping what they wrote before the error."""
    while machine.trail.depth > max(depth, frame.trail_depth + len(frame.early_returns)):
        machine.trail.apply(machine.trail.roll_back())


def _expects_missing(machine: Machine, node: cst.Try, frame: Frame) -> bool:
    """Whether a handler catches the error of importing a missing package."""
    error = NotInstalled("", frame.place(node))
    return any(_catches(machine, handler, error, frame) for handler in node.handlers)


def _handled(
    machine: Machine, node: cst.Try, handler: cst.ExceptHandler, error: Raised, frame: Frame
) -> Completion:
    """Run `handler`. One that just explains which package is missing does not count as a way on."""
    try:
        return _handle(machine, handler, error, frame)
    except Raised:
        if not isinstance(error, NotInstalled):
            raise
        machine.run.prepared_for_missing = False
        return machine.execute(node.body.body, frame)


def _handle(
    machine: Machine, handler: cst.ExceptHandler, error: Raised, frame: Frame
) -> Completion:
    before, frame.handled = frame.handled, error
    if handler.name is not None and isinstance(handler.name.name, cst.Name):
        bind_name(machine, frame, handler.name.name.value, Unknown("caught-exception"))
    try:
        return machine.execute(handler.body.body, frame)
    finally:
        frame.handled = before


def _catches(machine: Machine, handler: cst.ExceptHandler, error: Raised, frame: Frame) -> bool:
    if handler.type is None:
        return True
    kinds = machine.evaluate(handler.type, frame)
    options = kinds.items if isinstance(kinds, TupleValue) else (kinds,)
    if any(_is_undecided(error, option) for option in options):
        machine.assume(Unknown("unknown-exception", frame.place(handler.type)))
    return any(_is_kind(machine, error, option) for option in options)


def _is_undecided(error: Raised, kind: Value) -> bool:
    """Whether it is undecided if a handler for `kind` (maybe of a library) catches the error."""
    if not isinstance(kind, Builtin | ClassValue | External):
        return True
    names = (exception_name(kind), error.kind)
    foreign = isinstance(kind, External) or isinstance(error.value, External)
    return foreign and names[0] != names[1] and names[0] not in ("Exception", "BaseException")


def _is_kind(machine: Machine, error: Raised, kind: Value) -> bool:
    name = exception_name(kind)
    if name == error.kind:
        return True
    if isinstance(error.value, ClassValue):
        order = order_of(machine, error.value)
        if any(entry is kind or exception_name(entry) == name for entry in order):
            return True
        named = [each for entry in order if isinstance(entry, ClassValue) for each in entry.bases]
        return name == "Exception" or any(
            isinstance(each, Builtin) and _derives(each.name, name) for each in named
        )
    return _derives(error.kind, name)


def _derives(name: str, base: str) -> bool:
    derived, wanted = getattr(builtins, name, None), getattr(builtins, base, None)
    if isinstance(derived, type) and isinstance(wanted, type):
        return issubclass(derived, wanted)
    return base in ("Exception", "BaseException")


SUPPRESSED = "suppressed exceptions"
"""The attribute in which the interpreter keeps the arguments of `contextlib.suppress`."""


@statement(cst.With)
def with_statement(machine: Machine, node: cst.With, frame: Frame) -> Completion:
    depth = machine.trail.depth
    managers = []
    for item in node.items:
        manager = machine.evaluate(item.item, frame)
        managers.append(manager)
        entered = _entered(machine, manager, frame.place(item))
        if item.asname is not None and isinstance(item.asname.name, cst.Name):
            bind_name(machine, frame, item.asname.name.value, entered)
    world = machine.environment
    for manager in managers:
        world = machine.library.inside(manager, world)
    where, values = frame.place(node), machine.run.unknown_values
    try:
        with machine.in_world(world):
            completion = machine.execute(node.body.body, frame)
    except Raised as error:
        suppressed = False
        for manager in reversed(managers):
            if suppressed:
                _leave(machine, manager, where)
            else:
                suppressed = _suppresses(machine, manager, error, where)
        if not suppressed:
            raise
        _leave_branches(machine, frame, depth)
        return None
    if machine.run.unknown_values > values and any(map(_may_suppress, managers)):
        machine.leave_unproved(Unknown("perhaps-caught", where))
    for manager in reversed(managers):
        _leave(machine, manager, where)
    return completion


def _run_at_once(machine: Machine, manager: IterableValue, where: Place) -> Value | None:
    """Run the generator behind a `contextlib.contextmanager`.

    All of it runs on entering: what it writes when it is left comes too early, and proves nothing.
    """
    born, before = next_serial(), len(machine.trail.ages)
    try:
        entered = take(machine, manager)
        machine.items_of(manager, where)
        written = machine.trail.ages[before:]
        if any(age < born and age != manager.serial for age in written):
            machine.assume(Unknown("context-manager", where))
        return entered
    except Raised as error:
        error.doubt = error.doubt or Unknown("context-manager", where)
        raise


def _may_suppress(manager: Value) -> bool:
    return isinstance(manager, Instance) and SUPPRESSED in manager.attributes


def _leave(machine: Machine, manager: Value, where: Place) -> None:
    """Call `__exit__` with no exception."""
    if isinstance(manager, Instance):
        leave = find_member(machine, manager.cls, "__exit__")
        if leave is not None and isinstance(leave.value, FunctionValue):
            machine.call(leave.value, Arguments([manager, NONE, NONE, NONE]), where)


def _suppresses(machine: Machine, manager: Value, error: Raised, where: Place) -> bool:
    """Whether `__exit__` may swallow the error."""
    if not isinstance(manager, Instance):
        if error.doubt is None and not machine.library.keeps(manager):
            error.doubt = Unknown("context-manager", where)
        return False
    kinds = manager.attributes.get(SUPPRESSED)
    if isinstance(kinds, TupleValue):
        return any(_is_kind(machine, error, kind) for kind in kinds.items)
    leave = find_member(machine, manager.cls, "__exit__")
    if leave is None or not isinstance(leave.value, FunctionValue):
        return False
    unknown = Unknown("caught-exception", where)
    given = Arguments([manager, unknown, unknown, unknown])
    return machine.truth(machine.call(leave.value, given, where)) is not False


def _entered(machine: Machine, manager: Value, where: Place) -> Value:
    """What `__enter__` returns. Raises what Python does for what is no context manager."""
    if isinstance(manager, IterableValue) and manager.is_iterator:
        return _run_at_once(machine, manager, where) or Unknown("context-manager", where)
    if isinstance(manager, Instance):
        for name in ("__enter__", "__exit__"):
            if surely_lacks(machine, manager, name):
                missed = " (missed __exit__ method)" if name == "__exit__" else ""
                raise _no_manager(manager.cls.name.rpartition(".")[2], missed, where)
        if find_member(machine, manager.cls, "__enter__") is not None:
            return machine.call(read(machine, manager, "__enter__", where), Arguments(), where)
    elif isinstance(manager, Known | ListValue | DictValue | TupleValue | FunctionValue):
        raise _no_manager(type_name(manager), "", where)
    return Unknown("context-manager", where)


def _no_manager(kind: str, missed: str, where: Place) -> Raised:
    text = f"'{kind}' object does not support the context manager protocol{missed}"
    return Raised("TypeError", text, where)
