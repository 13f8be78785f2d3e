"""Runs `forward` of the base model abstractly and notes which modules it calls, and how."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import field

import libcst as cst

from forgather_lint.core.record import record
from forgather_lint.core.source import Place
from forgather_lint.documents.walk import all_below, of_kind
from forgather_lint.execution.inputs import engine_arguments
from forgather_lint.execution.module_answers import ModuleAnswers
from forgather_lint.execution.provenance import Provenance, WatchedLibrary
from forgather_lint.facts import (
    ModuleCall,
    ModuleUse,
    Signature,
    Trace,
    UndecidedBranch,
    UnknownFact,
    UseKind,
)
from forgather_lint.model.tree import Tree
from forgather_lint.python.interpreter.classes import find_member
from forgather_lint.python.interpreter.frame import Raised
from forgather_lint.python.interpreter.machine import Machine, Observer
from forgather_lint.python.values.objects import FunctionValue, Instance
from forgather_lint.python.values.value import Arguments, Unknown, Value


@record(frozen=False)
class _OpenCall:
    """A call that has not returned yet."""

    instance: Instance
    name: str
    arguments: Arguments


@record(frozen=False)
class Recorder(Observer):
    """Records the calls and uses of the modules of a tree."""

    machine: Machine
    tree: Tree
    answers: ModuleAnswers
    calls: list[ModuleCall] = field(default_factory=list)
    uses: list[ModuleUse] = field(default_factory=list)
    branches: list[UndecidedBranch] = field(default_factory=list)
    unknowns: list[UnknownFact] = field(default_factory=list)
    provenance: Provenance = field(default_factory=Provenance)
    stack: list[_OpenCall] = field(default_factory=list)
    conditions: list[tuple[Place, int]] = field(default_factory=list)

    def answer(self, instance: Instance, arguments: Arguments, where: Place) -> Value | None:
        known = self.answers.result(instance, arguments)
        if known is None:
            return None
        name = self._note_call(instance, arguments, where)
        return self.provenance.returned(name, self.provenance.of(arguments), known)

    def entered(self, instance: Instance, arguments: Arguments, where: Place) -> None:
        name = self._note_call(instance, arguments, where)
        self.stack.append(_OpenCall(instance, name, arguments))
        self.answers.entered(instance, arguments)

    def _note_call(self, instance: Instance, arguments: Arguments, where: Place) -> str:
        name = self.tree.name_of(instance)
        if name is None:
            return self._caller()
        self.calls.append(
            ModuleCall(
                module=name,
                order=len(self.calls),
                where=where,
                positional=len(arguments.positional),
                keywords=tuple(arguments.keywords),
                hidden_from=tuple(sorted(self.provenance.of(arguments))),
                signature=signature_of(self.machine, instance),
                caller=self._caller(),
            )
        )
        return name

    def _caller(self) -> str:
        return self.stack[-1].name if self.stack else ""

    def left(self, instance: Instance, result: Value) -> Value:
        done = self.stack.pop()
        if isinstance(result, Unknown) and result.where is not None:
            self.unknowns.append(UnknownFact(result.reason, result.where))
        self.answers.left(result)
        return self.provenance.returned(done.name, self.provenance.of(done.arguments), result)

    def abandoned(self, instance: Instance, error: Raised) -> None:
        self.stack.pop()
        self.answers.abandoned()

    def read(self, instance: Instance, name: str, where: Place) -> None:
        """Record the use of a module's attribute by another module's `forward`.

        Its own does not count.
        """
        if not self.stack or self.stack[-1].instance is instance:
            return
        module = self.tree.name_of(instance)
        if module is None or name == "forward":
            return
        is_method = name not in instance.attributes and self._is_method(instance, name)
        kind = UseKind.METHOD if is_method else UseKind.ATTRIBUTE
        self.uses.append(ModuleUse(module, kind, name, where, self._caller()))

    def _is_method(self, instance: Instance, name: str) -> bool:
        return find_member(self.machine, instance.cls, name) is not None

    def undecided(self, where: Place) -> None:
        self.conditions.append((where, len(self.calls)))

    def decided(self) -> None:
        where, before = self.conditions.pop()
        modules = tuple(dict.fromkeys(call.module for call in self.calls[before:]))
        if modules:
            self.branches.append(UndecidedBranch(where, modules))


def signature_of(machine: Machine, instance: Instance) -> Signature | None:
    """The parameters of `forward`; None where its source is not known."""
    member = find_member(machine, instance.cls, "forward")
    function = member.value if member is not None else None
    if not isinstance(function, FunctionValue) or not isinstance(function.node, cst.FunctionDef):
        return None
    given = function.node.params
    positional = [p.name.value for p in (*given.posonly_params, *given.params)][1:]
    keyword_only = [p.name.value for p in given.kwonly_params]
    return Signature(
        positional=tuple(positional),
        keyword_only=tuple(keyword_only),
        takes_args=isinstance(given.star_arg, cst.Param),
        takes_kwargs=given.star_kwarg is not None,
        required=tuple(n for n in positional + keyword_only if n not in function.defaults),
        read=frozenset(_texts(function.node.body)) if given.star_kwarg is not None else frozenset(),
    )


def _texts(body: cst.BaseSuite) -> Iterator[str]:
    """Every string in the body: the keys that it takes out of `**kwargs` are among them."""
    for node in of_kind(all_below(body), cst.SimpleString):
        if isinstance(node.evaluated_value, str):
            yield node.evaluated_value


def trace(machine: Machine, root: Instance, tree: Tree) -> Trace:
    """Call `root` as the engine does, and record what happens.

    Raises `Raised` when the forward surely raises, `BudgetExceeded`.
    """
    recorder = Recorder(machine, tree, ModuleAnswers(machine))
    with machine.undone_run(WatchedLibrary(recorder.provenance), recorder):
        machine.call(root, engine_arguments(), root.where)
    member = find_member(machine, root.cls, "forward")
    function = member.value if member is not None else None
    return Trace(
        calls=tuple(recorder.calls),
        uses=tuple(recorder.uses),
        branches=tuple(recorder.branches),
        unknowns=tuple(recorder.unknowns),
        signature=signature_of(machine, root),
        where=function.where if isinstance(function, FunctionValue) else None,
    )
