"""Calling functions, methods, classes and library names."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial
from typing import TYPE_CHECKING

import libcst as cst

from forgather_lint.core.source import Place
from forgather_lint.documents.python import NodePlace, PythonFile
from forgather_lint.python.interpreter import binding
from forgather_lint.python.interpreter.branching import abandon_returns, settle_returns
from forgather_lint.python.interpreter.budget import DEEPEST_CALL, BudgetExceeded, SourceNotHere
from forgather_lint.python.interpreter.classes import Member, find_member, is_of_python, order_of
from forgather_lint.python.interpreter.dispatch import BUILTINS, expression
from forgather_lint.python.interpreter.frame import (
    SOURCE_NOT_HERE,
    Frame,
    Raised,
    Returned,
    cause_in,
)
from forgather_lint.python.interpreter.hashing import has_key
from forgather_lint.python.interpreter.library import Site, run
from forgather_lint.python.values.objects import (
    BoundMethod,
    ClassMethod,
    ClassValue,
    FunctionValue,
    Instance,
    LibraryMethod,
    PartialCall,
    Property,
    Scope,
    StaticMethod,
)
from forgather_lint.python.values.type_names import type_name
from forgather_lint.python.values.value import (
    NONE,
    Arguments,
    Batch,
    Builtin,
    Choice,
    DictValue,
    External,
    IterableValue,
    Known,
    ListValue,
    SetValue,
    TupleValue,
    Unknown,
    Value,
    ValueId,
)

if TYPE_CHECKING:
    from forgather_lint.python.interpreter.machine import Machine


@expression(cst.Call)
def call_expression(machine: Machine, node: cst.Call, frame: Frame) -> Value:
    function = machine.evaluate(node.func, frame)
    if isinstance(function, Builtin) and function.name in ("super", "locals"):
        function = _with_frame(function, frame)
    arguments = binding.arguments_of(machine, node, function, frame)
    return call(machine, function, arguments, frame.place(node))


def _with_frame(function: Builtin, frame: Frame) -> Value:
    """`super()` and `locals()`, which depend on the frame that they are called in."""
    if function.name == "super" and frame.receiver is not None and frame.function:
        owner = frame.function.owner
        if owner is not None:
            return PartialCall(Builtin("super_in_method"), (owner, frame.receiver), {})
    return function


def call(machine: Machine, function: Value, arguments: Arguments, where: Place) -> Value:
    """Call `function` with `arguments`; a call that cannot be followed returns an unknown value."""
    match function:
        case FunctionValue():
            return call_function(machine, function, arguments, where)
        case BoundMethod(receiver, inner):
            return call(machine, inner, _prepended(arguments, receiver), where)
        case ClassValue():
            return construct(machine, function, arguments, where)
        case External(name):
            return machine.library.call(machine, name, arguments, where)
        case Builtin(name) | LibraryMethod(_, name):
            return _call_builtin(machine, function, name, arguments, where)
        case PartialCall():
            return call(machine, function.function, _completed(function, arguments), where)
        case StaticMethod(inner) | ClassMethod(inner):
            return call(machine, inner, arguments, where)
        case Instance():
            return _call_instance(machine, function, arguments, where)
        case Choice():
            return machine.each_option(
                function, lambda each: call(machine, each, arguments, where), where
            )
        case Unknown():
            _need_source(function, where)
            machine.ran_unknown_code(arguments, where)
            return function
        case Known(value):
            text = f"'{type(value).__name__}' object is not callable"
            raise Raised("TypeError", text, where, cause=cause_in(value))
        case TupleValue() | ListValue() | DictValue() | SetValue():
            text = f"'{type_name(function)}' object is not callable"
            raise Raised("TypeError", text, where)
    return Unknown("unmodelled-call", where)


def _prepended(arguments: Arguments, first: Value) -> Arguments:
    return Arguments([first, *arguments.positional], arguments.keywords, arguments.rest)


def _completed(function: PartialCall, arguments: Arguments) -> Arguments:
    return Arguments(
        [*function.positional, *arguments.positional],
        {**function.keywords, **arguments.keywords},
        arguments.rest,
    )


def _call_builtin(
    machine: Machine, function: Value, name: str, arguments: Arguments, where: Place
) -> Value:
    if isinstance(function, LibraryMethod):
        arguments = _prepended(arguments, function.receiver)
    meaning = BUILTINS.get(name)
    if meaning is None:
        return machine.library.call(machine, name, arguments, where)
    return run(meaning, Site(machine, where, name), arguments)


def _call_instance(
    machine: Machine, instance: Instance, arguments: Arguments, where: Place
) -> Value:
    """`instance(...)`: its `__call__`, else its `forward`, of which the observer is told."""
    own = find_member(machine, instance.cls, "__call__")
    if own is not None and not isinstance(own.value, Unknown | External):
        return call(machine, own.value, _prepended(arguments, instance), where)
    return call_module(machine, instance, arguments, where)


def call_module(machine: Machine, instance: Instance, arguments: Arguments, where: Place) -> Value:
    """`instance(...)` as `nn.Module` has it, whatever `__call__` its class has of its own."""
    forward = instance.attributes.get("forward")
    if forward is None:
        member = find_member(machine, instance.cls, "forward")
        if member is None or isinstance(member.value, Unknown):
            return Unknown("call-of-unmodelled-object", where, repr(instance))
        forward = BoundMethod(instance, member.value)
    answer = machine.observer.answer(instance, arguments, where)
    if answer is not None:
        return answer
    return _observed(machine, instance, forward, arguments, where)


def _observed(
    machine: Machine, instance: Instance, forward: Value, arguments: Arguments, where: Place
) -> Value:
    machine.observer.entered(instance, arguments, where)
    try:
        result = call(machine, forward, arguments, where)
    except Raised as error:
        machine.observer.abandoned(instance, error)
        raise
    return machine.observer.left(instance, result)


def call_forward(machine: Machine, instance: Instance, arguments: Arguments, where: Place) -> Value:
    """Run the `forward` of `instance`, without asking the observer for an answer."""
    forward = machine.attribute(instance, "forward", where)
    return _observed(machine, instance, forward, arguments, where)


def call_function(
    machine: Machine, function: FunctionValue, arguments: Arguments, where: Place
) -> Value:
    """Run the body of `function` in a new frame.

    A generator's body runs at the first item asked for.
    """
    if function.wrapped_by is not None:
        machine.assume(function.wrapped_by)
    if _may_not_end(machine, function, arguments):
        machine.ran_unknown_code(arguments, where)
        return Unknown("recursion-of-unknown-depth", where, function.name)
    if any(each in _CACHES for each in function.decorators):
        for argument in arguments.all():
            has_key(machine, argument, where)
    node = function.node
    if function.taken:
        arguments = _without(arguments, function.taken)
    names = binding.bound_parameters(function, arguments, where)
    scope = Scope(names, function.scope, function.scope.namespace)
    place = function.where
    file = place.file if isinstance(place, NodePlace) else _no_file()
    receiver = arguments.positional[0] if arguments.positional and function.owner else None
    run = partial(_in_frame, machine, node, scope, file, function, receiver)
    if is_generator(file, node):
        return IterableValue([], source=lambda _: _yielded(machine, run))
    return run()


_CACHES = (External("functools.lru_cache"), External("functools.cache"))
"""Decorators of functions whose arguments are keys, and so have to have a hash."""


def _without(arguments: Arguments, names: frozenset[str]) -> Arguments:
    left = {name: value for name, value in arguments.keywords.items() if name not in names}
    return Arguments(arguments.positional, left, arguments.rest)


def _may_not_end(machine: Machine, function: FunctionValue, arguments: Arguments) -> bool:
    """Whether a function calls itself again with unknown arguments, on an undecided branch."""
    again = machine.budget.running[ValueId(function)] >= _MOST_UNDECIDED
    return (
        again
        and machine.trail.depth > 0
        and any(isinstance(each, Unknown) for each in arguments.all())
    )


_MOST_UNDECIDED = 6


def _in_frame(
    machine: Machine,
    node: cst.FunctionDef | cst.Lambda,
    scope: Scope,
    file: PythonFile,
    function: FunctionValue,
    receiver: Value | None,
    yielded: IterableValue | None = None,
) -> Value:
    frame = Frame(scope, file, function, receiver, machine.trail.depth, yielded=yielded)
    if machine.budget.depth >= DEEPEST_CALL:
        raise BudgetExceeded("recursion")
    machine.budget.depth += 1
    machine.budget.running[ValueId(function)] += 1
    try:
        return _run_body(machine, node, frame)
    finally:
        machine.budget.depth -= 1
        machine.budget.running[ValueId(function)] -= 1


def _yielded(machine: Machine, run: Callable[..., Value]) -> Batch:
    """All items of a generator: its whole body runs when the first item is asked for."""
    yielded = IterableValue([])
    try:
        run(yielded=yielded)
    except Raised as error:
        return Batch(yielded.items, yielded.rest, ends=True, error=machine.doubted(error))
    return Batch(yielded.items, yielded.rest, ends=True)


def is_generator(file: PythonFile, node: cst.FunctionDef | cst.Lambda) -> bool:
    """Whether a call of the function makes a generator, because its body contains `yield`."""
    return "yield" in file.text and _has_yield(node)


@lru_cache(maxsize=1024)
def _has_yield(node: cst.FunctionDef | cst.Lambda) -> bool:
    found = _Yields()
    node.body.visit(found)
    return found.any


class _Yields(cst.CSTVisitor):
    """Looks for a `yield` of the function itself, not of one inside it."""

    def __init__(self) -> None:
        super().__init__()
        self.any = False

    def visit_Yield(self, node: cst.Yield) -> None:
        self.any = True

    def visit_FunctionDef(self, node: cst.FunctionDef) -> bool:
        return False

    def visit_Lambda(self, node: cst.Lambda) -> bool:
        return False

    def visit_ClassDef(self, node: cst.ClassDef) -> bool:
        return False


def _run_body(machine: Machine, node: cst.FunctionDef | cst.Lambda, frame: Frame) -> Value:
    if isinstance(node, cst.Lambda):
        return machine.evaluate(node.body, frame)
    try:
        completion = machine.execute(node.body.body, frame)
    except Raised as error:
        if not frame.early_returns:
            raise
        value = _only_early_returns(machine, frame)
        machine.pass_over(error)
        return value
    except BaseException:
        abandon_returns(machine, frame)
        raise
    value = completion.value if isinstance(completion, Returned) else NONE
    return settle_returns(machine, frame, value)


def _only_early_returns(machine: Machine, frame: Frame) -> Value:
    """The join of the early returns, for a body whose rest raises."""
    while machine.trail.depth > frame.trail_depth:
        machine.trail.roll_back()
    early = frame.early_returns.pop(0)
    machine.trail.merge([early.changes])
    return settle_returns(machine, frame, early.value) if frame.early_returns else early.value


def _no_file() -> PythonFile:
    return PythonFile("<builtin>", "", cst.Module([]))


def construct(machine: Machine, cls: ClassValue, arguments: Arguments, where: Place) -> Value:
    """`cls(...)`: a new instance, then its `__init__`."""
    for base in order_of(machine, cls):
        _need_source(base, where)
    if _has_custom_new(machine, cls):
        return Unknown("custom-new", where, cls.name)
    _check_concrete(machine, cls, where)
    special = machine.library.construct(machine, cls, arguments, where)
    if special is not None:
        return special
    return machine.run.loop_copies.build(
        machine, cls, arguments, lambda given: _built(machine, cls, given, where)
    )


def _check_concrete(machine: Machine, cls: ClassValue, where: Place) -> None:
    """Raise what Python does for a protocol, and for a method of an `abc.ABC` left abstract."""
    if External("typing.Protocol") in cls.bases and find_member(machine, cls, "__init__") is None:
        raise Raised("TypeError", "Protocols cannot be instantiated", where)
    order = order_of(machine, cls)
    if External("abc.ABC") not in order or any(isinstance(each, Unknown) for each in order):
        return
    names = {name for each in order if isinstance(each, ClassValue) for name in each.namespace}
    missing = sorted(name for name in names if _is_abstract(find_member(machine, cls, name)))
    if missing:
        listed = ", ".join(f"'{name}'" for name in missing)
        methods = "method" if len(missing) == 1 else "methods"
        text = f"without an implementation for abstract {methods} {listed}"
        raise Raised("TypeError", f"Can't instantiate abstract class {cls.name} {text}", where)


def _is_abstract(member: Member | None) -> bool:
    value = member.value if member is not None else None
    value = value.getter if isinstance(value, Property) else value
    if isinstance(value, StaticMethod | ClassMethod):
        value = value.function
    return isinstance(value, FunctionValue) and External("abc.abstractmethod") in value.decorators


def _need_source(value: Value, where: Place) -> None:
    """Raise `SourceNotHere` where `value` is defined in an absent file and so may do anything."""
    if isinstance(value, Unknown) and value.reason == SOURCE_NOT_HERE:
        raise SourceNotHere(value.detail, value.where or where)


def _built(machine: Machine, cls: ClassValue, arguments: Arguments, where: Place) -> Value:
    instance = Instance(cls, {}, where)
    initialise(machine, instance, arguments, where)
    return instance


def initialise(machine: Machine, instance: Instance, arguments: Arguments, where: Place) -> None:
    """Run `__init__` of `instance`; where a base is unknown, further attributes are possible."""
    unknown = next((e for e in order_of(machine, instance.cls) if isinstance(e, Unknown)), None)
    if unknown is not None:
        machine.trail.may_have_more(instance, unknown)
    member = find_member(machine, instance.cls, "__init__")
    given = bool(arguments.positional or arguments.keywords)
    if member is None and given and is_of_python(machine, instance.cls):
        raise Raised("TypeError", f"{instance.cls.name}() takes no arguments", where)
    if member is None or isinstance(member.value, Unknown):
        return
    result = call(machine, member.value, _prepended(arguments, instance), where)
    if result != NONE and not isinstance(result, Choice | Unknown):
        kind = type_name(result)
        raise Raised("TypeError", f"__init__() should return None, not '{kind}'", where)


def _has_custom_new(machine: Machine, cls: ClassValue) -> bool:
    member = find_member(machine, cls, "__new__")
    return member is not None and isinstance(member.value, FunctionValue)
