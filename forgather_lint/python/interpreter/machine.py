"""The abstract interpreter of plain Python: evaluates trees, runs bodies, calls functions.

It knows no library: `Library` says what a library name means, `CodeLoader` what an import finds,
and an `Observer` is told of calls and attribute reads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Protocol

import libcst as cst

from forgather_lint.core.source import Place
from forgather_lint.python.interpreter.budget import MOST_ITEMS, Budget
from forgather_lint.python.interpreter.dispatch import EXPRESSIONS, STATEMENTS
from forgather_lint.python.interpreter.environment import Environment
from forgather_lint.python.interpreter.frame import Completion, Frame, Raised
from forgather_lint.python.interpreter.guard import fault, faulty_statement
from forgather_lint.python.interpreter.run import AbstractRun
from forgather_lint.python.interpreter.trail import Trail
from forgather_lint.python.values.endings import Ending
from forgather_lint.python.values.joining import join
from forgather_lint.python.values.objects import (
    AttributeDict,
    BoundMethod,
    ClassValue,
    Instance,
    Namespace,
)
from forgather_lint.python.values.told import Told, all_told, told
from forgather_lint.python.values.value import (
    Arguments,
    Choice,
    Constant,
    DictValue,
    External,
    Known,
    ListValue,
    SetValue,
    Unknown,
    Value,
)


class Library(Protocol):
    """The meaning of library names, values and operators."""

    def canonical(self, name: str) -> str:
        """The one name of something that has several dotted names."""

    def constant(self, name: str) -> Value | None:
        """The value of a library constant such as `math.pi`; None if `name` is none."""

    def member(self, machine: Machine, cls: str, name: str) -> Value | None:
        """The function or class attribute `name` of the library class `cls`; None if none is known.

        What `cls` inherits is not looked at.
        """

    def lineage(self, name: str) -> tuple[str, ...] | None:
        """The class `name` and all that it derives from; None when it is no class."""

    def has(self, name: str) -> bool:
        """Whether `name` can be called with a known meaning."""

    def call(self, machine: Machine, name: str, arguments: Arguments, where: Place) -> Value:
        """Call the library function `name`."""

    def attribute(self, machine: Machine, value: Value, name: str, where: Place) -> Value | None:
        """An attribute of a library value; None when it has none of that name."""

    def inherited(
        self, machine: Machine, cls: ClassValue | External, name: str, where: Place
    ) -> Unknown | None:
        """The unknown member `name` that library bases of `cls` have without a model; or None."""

    def construct(
        self, machine: Machine, cls: ClassValue, arguments: Arguments, where: Place
    ) -> Value | None:
        """An instance of a class that Python builds in a special way; None for others."""

    def attribute_name(self, machine: Machine, target: Instance, name: str) -> str:
        """The name under which the attribute `name` of `target` is stored."""

    def on_set(
        self, machine: Machine, target: Instance, name: str, value: Value
    ) -> tuple[str, Value]:
        """Called before an attribute is written; returns the name and value to be written."""

    def on_defined(self, machine: Machine, cls: ClassValue) -> None:
        """Called when the body of a class has run, before its decorators are applied."""

    def taken_by(self, decorator: Value) -> frozenset[str]:
        """The keywords that a function decorated by it is never passed."""

    def keeps_apart(self, machine: Machine, target: Instance, value: Value) -> bool:
        """Whether `target.name = value` may be stored beside the attributes that Python knows of.

        A property of that name is then not asked.
        """

    def on_assigned(
        self, machine: Machine, target: Instance, name: str, value: Value, where: Place
    ) -> None:
        """Called for `target.name = value`. Raises `Raised` where a library refuses that."""

    def on_class_write(
        self,
        machine: Machine,
        target: ClassValue,
        name: str,
        where: Place,
        *,
        deletes: bool = False,
    ) -> None:
        """Called where an attribute of a class is set or deleted. Raises what refuses that."""

    def is_read_by_others(self, machine: Machine, asked: Instance | ClassValue) -> bool:
        """Whether a library or an engine makes and reads objects of this kind when it likes to."""

    def on_written(self, target: Value, made: Value, where: Place) -> Value:
        """Called where the library value `target` becomes `made` in place, as by `x += y`.

        Returns what it then is.
        """

    def on_replaced(
        self, machine: Machine, target: Value, name: str, value: Value, where: Place
    ) -> None:
        """Called where the attribute `name` of a library value is written, as by `x.data = y`."""

    def keeps(self, decorator: Value) -> bool:
        """Whether a function decorated with `decorator` surely computes what its body says."""

    def handles(self, value: Value) -> bool:
        """Whether operators on `value` are to be left to the library."""

    def read_number(self, machine: Machine, value: Value, where: Place | None) -> None:
        """Called where a number is read out of `value`; raises what that raises."""

    def inside(self, manager: Value, world: Environment) -> Environment:
        """The environment of code inside `with manager`."""


class CodeLoader(Protocol):
    """Finds the code behind an import; `missing` collects packages that are not installed here."""

    missing: dict[str, Place]

    def load(self, machine: Machine, name: str) -> Value:
        """The module `name`: a `Namespace` if its source is read, else an `External`."""

    def member(self, machine: Machine, module: External, name: str) -> Value:
        """The value of `from module import name`, for a module whose source is not read."""

    def config_class(self, machine: Machine, model_type: str) -> Value | None:
        """The config class of a model type of transformers.

        None for a type that it does not have.
        """

    def model_class(self, machine: Machine, auto_class: str, model_type: str) -> Value | None:
        """The class that `auto_class` loads for a model type of transformers.

        None if it loads none.
        """

    def own_namespaces(self) -> Iterable[Namespace]:
        """The namespaces of the model's own files, as far as they were loaded."""

    def resolve_relative(self, namespace: Namespace, name: str, level: int) -> str:
        """The absolute name of a module that is imported relatively in `namespace`."""


class Observer:
    """Is told what the code does; this base class does nothing."""

    def answer(self, instance: Instance, arguments: Arguments, where: Place) -> Value | None:
        """The result of calling `instance`, if it need not be run; None to run it."""
        return None

    def entered(self, instance: Instance, arguments: Arguments, where: Place) -> None:
        """`forward` of `instance` is about to run."""

    def left(self, instance: Instance, result: Value) -> Value:
        """`forward` of `instance` has returned `result`; returns the result to be used."""
        return result

    def abandoned(self, instance: Instance, error: Raised) -> None:
        """`forward` of `instance` has raised `error`, which code around it may catch."""

    def read(self, instance: Instance, name: str, where: Place) -> None:
        """An attribute of `instance` was read."""

    def asked_kind(self, value: Value, where: Place) -> None:
        """The code asked of which class `value` is, or for what objects of its class lack."""

    def undecided(self, where: Place) -> None:
        """A condition cannot be decided; its branches will be run."""

    def merged(self, result: object, options: Sequence[object]) -> None:
        """`result` is the join of `options`, what each branch of a condition had left."""

    def gave_up(self, error: Raised) -> None:
        """One branch of an undecided condition raises; the others go on."""

    def decided(self) -> None:
        """The branches of the condition announced last have been run."""


class Machine:
    """Evaluates nodes in frames, by the handlers in `dispatch`.

    The machine itself keeps only the modules that `loader` has loaded; everything else belongs to
    the current run. What is asked outside of any run is a run of its own.
    """

    def __init__(
        self, library: Library, loader: CodeLoader, environment: Environment | None = None
    ) -> None:
        self.loader = loader
        self._idle = AbstractRun(library, Observer(), environment or Environment())
        self._run = self._idle

    @property
    def library(self) -> Library:
        """The meaning of library names in this run."""
        return self._run.library

    @property
    def observer(self) -> Observer:
        """The observer of this run."""
        return self._run.observer

    @property
    def environment(self) -> Environment:
        """The environment that code finds in this run."""
        return self._run.environment

    @property
    def budget(self) -> Budget:
        """What this run may still spend."""
        return self._run.budget

    @property
    def trail(self) -> Trail:
        """The writes of this run, and the means to write."""
        return self._run.trail

    @property
    def run(self) -> AbstractRun:
        """The current run."""
        return self._run

    @contextmanager
    def kept_run(
        self,
        library: Library | None = None,
        observer: Observer | None = None,
        environment: Environment | None = None,
    ) -> Iterator[None]:
        """A run whose writes stay, such as that of a constructor.

        Arguments that are not given are as outside of any run, whichever run is current.
        """
        idle, before = self._idle, self._run
        self._run = AbstractRun(
            library or idle.library,
            observer or idle.observer,
            environment or idle.environment,
            prepared_for_missing=before.prepared_for_missing,
            assumptions=dict(before.assumptions),
            passed_over=dict(before.passed_over),
            told=dict(before.told),
            told_before=frozenset(before.told),
        )
        try:
            yield
        except Raised as error:
            raise self.doubted(error) from None
        finally:
            for key, why in self._run.assumptions.items():
                before.trail.set_key(before.assumptions, key, why)
            for key, why in self._run.passed_over.items():
                before.trail.set_key(before.passed_over, key, why)
            for key, constant in self._run.told.items():
                before.trail.set_key(before.told, key, constant)
            self._run = before

    @contextmanager
    def undone_run(
        self,
        library: Library | None = None,
        observer: Observer | None = None,
        environment: Environment | None = None,
    ) -> Iterator[None]:
        """A run whose writes are undone at its end, such as a forward on one of several ranks.

        An object that was made in it is empty afterwards.
        """
        with self.kept_run(library, observer, environment):
            self.trail.begin()
            try:
                yield
            except Raised as error:
                raise self.doubted(error) from None
            finally:
                self.trail.undo_all()

    def evaluate(self, node: cst.CSTNode, frame: Frame) -> Value:
        """The value of the expression `node`; an undecided value gets its place."""
        self._run.budget.step()
        handler = EXPRESSIONS.get(type(node))
        if handler is None:
            return Unknown("unsupported-syntax", frame.place(node), type(node).__name__)
        try:
            value = handler(self, node, frame)
        except Ending:
            raise
        except Exception as error:  # noqa: BLE001 - a fault of ours costs this value alone
            return fault(error, frame.place(node))
        if isinstance(value, Unknown):
            self._run.unknown_values += 1
            return value if value.where else replace(value, where=frame.place(node))
        return value

    def execute(self, statements: Iterable[cst.CSTNode], frame: Frame) -> Completion:
        """Run `statements` until one of them ends the body."""
        for node in statements:
            self._run.budget.step()
            handler = STATEMENTS.get(type(node))
            try:
                completion = handler(self, node, frame) if handler else None
            except Ending:
                raise
            except Exception as error:
                raise faulty_statement(error, frame.place(node)) from error
            if completion is not None:
                return completion
        return None

    def call(self, function: Value, arguments: Arguments, where: Place) -> Value:
        """Call `function` as Python would."""
        from forgather_lint.python.interpreter.calls import call

        if self._run is self._idle:
            with self.kept_run():
                return call(self, function, arguments, where)
        return call(self, function, arguments, where)

    def attribute(self, value: Value, name: str, where: Place) -> Value:
        """`value.name`."""
        from forgather_lint.python.interpreter.attributes import read

        if self._run is self._idle:
            with self.kept_run():
                return read(self, value, name, where)
        return read(self, value, name, where)

    def set_attribute(self, target: Value, name: str, value: Value, where: Place) -> None:
        """`target.name = value`."""
        from forgather_lint.python.interpreter.stores import set_attribute

        set_attribute(self, target, name, value, where)

    def ran_unknown_code(self, arguments: Arguments, where: Place) -> None:
        """Record a call of unknown code, which may change its arguments."""
        self.run.unknown_calls += 1
        if any(isinstance(each, _CHANGEABLE) for each in arguments.all()):
            self.assume(Unknown("changed-by-unknown-code", where))

    def assume(self, why: Unknown) -> None:
        """Go on under an assumption: an error from here on is not proved, because of `why`."""
        key = why.where.identity if why.where else why.reason
        self.trail.set_key(self.run.assumptions, key, why)

    def pass_over(self, error: Raised) -> None:
        """Go on as if the branch that raises `error` were not taken, which is not proved."""
        self.leave_unproved(Unknown("raises-by-condition", error.where, error.shown))

    def leave_unproved(self, why: Unknown) -> None:
        """Go on under an assumption: that the code reaches its end is not proved, due to `why`."""
        key = why.where.identity if why.where else why.reason
        self.trail.set_key(self.run.passed_over, key, why)

    def unproved(self) -> Unknown | None:
        """What this run or an earlier one had to assume; None: nothing."""
        taken = (*self.run.passed_over.values(), *self.run.assumptions.values())
        return next((each for each in taken if isinstance(each, Unknown)), None)

    def tell(self, value: Constant, otherwise: Constant, what: str, where: Place) -> Known:
        """A constant that says who runs the code; another host would say `otherwise`."""
        key = (where.identity, type(value), value)
        before = next(all_told(self.run.told.get(key)), None)
        if before is not None:
            return before.value
        new = told(value, otherwise, what, where)
        self.trail.set_key(self.run.told, key, new)
        return new.value

    def asked(self) -> tuple[Told, bool] | None:
        """What the code has asked its host and others answer otherwise; None: nothing.

        Whether that was in this run: what an earlier one asked, a second such run does not show.
        """
        held = self.run.told.items()
        found = [(e, key) for key, each in held for e in all_told(each) if e.is_asked]
        if not found:
            return None
        first, _ = next((each for each in found if each[1] in self.run.told_before), found[0])
        return first, not any(key in self.run.told_before for _, key in found)

    def doubted(self, error: Raised) -> Raised:
        """`error`, with what was assumed on the way to it as its doubt."""
        if error.doubt is None:
            assumed = self.run.assumptions.values()
            found = (each for each in assumed if isinstance(each, Unknown))
            error.doubt = next(found, None)
        return error

    @contextmanager
    def in_world(self, world: Environment) -> Iterator[None]:
        """Within the block code finds the environment `world`."""
        run, before = self._run, self._run.environment
        run.environment = world
        try:
            yield
        finally:
            run.environment = before

    def truth(self, value: Value, where: Place | None = None) -> bool | None:
        """Whether `value` is true at `where`; None when that cannot be decided."""
        from forgather_lint.python.interpreter.truth import truth

        return truth(self, value, where)

    def items_of(
        self, value: Value, where: Place | None = None, *, any_order: bool = False
    ) -> tuple[list[Value], Unknown | None]:
        """The items of `value`, and why there may be more.

        `where` is the place of the iteration. `any_order`: the result does not depend on which item
        comes first.
        """
        from forgather_lint.python.interpreter.iteration import items_of

        items, rest = items_of(self, value, where, any_order=any_order)
        self._run.budget.walk(len(items))
        return (items, rest) if len(items) <= MOST_ITEMS else (items[:1], Unknown("many-items"))

    def branch(self, arms: Sequence[Callable[[], Value]], where: Place) -> Value:
        """Evaluate every arm from the present state, and join results and writes."""
        from forgather_lint.python.interpreter.branching import join_values

        return join_values(self, arms, where)

    def each_option(self, value: Value, act: Callable[[Value], Value], where: Place) -> Value:
        """`act(value)`; for a choice, the join of `act` for each of its options."""
        if not isinstance(value, Choice):
            return act(value)
        return self.branch([lambda option=option: act(option) for option in value.options], where)  # type: ignore[misc]

    def is_instance_of(self, value: Value, name: str) -> bool:
        """Whether `value` is an instance of the library class `name`."""
        if not isinstance(value, Instance):
            return False
        from forgather_lint.python.interpreter.classes import library_bases

        return name in library_bases(self, value.cls)


_CHANGEABLE = (Instance, ListValue, DictValue, SetValue, BoundMethod, AttributeDict, Namespace)


def joined(values: Iterable[Value]) -> Value:
    """The join of `values`, for handlers that compute several."""
    return join(values)
