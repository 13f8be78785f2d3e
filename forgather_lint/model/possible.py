"""Whether some branch of the source could create a module of a given name.

A plan serves a family of configurations: `mlp.experts` exists only in those with experts. So a key
that matches nothing here is dead only if no assignment in the classes along its path could make it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache

import libcst as cst

from forgather_lint.documents.walk import descendants, of_kind
from forgather_lint.python.interpreter.classes import order_of
from forgather_lint.python.interpreter.machine import Machine
from forgather_lint.python.interpreter.names import look_up
from forgather_lint.python.values.objects import ClassValue, Instance
from forgather_lint.python.values.value import (
    Choice,
    External,
    TensorValue,
    Unknown,
    Value,
    ValueId,
)

Step = Instance | ClassValue | TensorValue | Unknown | External
"""What a name may denote: an object that was built, a class that a branch would build, ...."""

MOST_STEPS = 200


def possible(machine: Machine, root: Instance, key: str) -> bool | None:
    """Whether `key` could name something below `root`; None when that cannot be decided."""
    here: list[Step] = [root]
    undecided = False
    for part in key.split("."):
        there: list[Step] = []
        for step in here[:MOST_STEPS]:
            if isinstance(step, Unknown):
                undecided = True
            else:
                there += _below(machine, step, part)
        here = _distinct(there)
    if any(not isinstance(step, Unknown) for step in here):
        return True
    return None if undecided or here else False


def _distinct(steps: list[Step]) -> list[Step]:
    """One step for each class: two instances of a class lead to the same answer."""
    keyed = {ValueId(step.cls if isinstance(step, Instance) else step): step for step in steps}
    return list(keyed.values())


def _below(machine: Machine, step: Step, part: str) -> Iterator[Step]:
    if isinstance(step, Instance):
        yield from _below_instance(machine, step, part)
    elif isinstance(step, ClassValue):
        yield from _assigned(machine, step, part)
    elif isinstance(step, External) and (part == "*" or part.isdigit()):
        yield step


def _below_instance(machine: Machine, instance: Instance, part: str) -> Iterator[Step]:
    if instance.open is not None:
        yield instance.open
    wanted = [part] if part != "*" else [name for name in instance.attributes if name.isdigit()]
    for name in wanted:
        yield from _as_steps(instance.attributes.get(name))
    if isinstance(instance.cls, ClassValue):
        yield from _assigned(machine, instance.cls, part)


def _as_steps(value: Value | None) -> Iterator[Step]:
    options = value.options if isinstance(value, Choice) else (value,)
    yield from (o for o in options if isinstance(o, Instance | TensorValue | Unknown))


def _assigned(machine: Machine, cls: ClassValue, part: str) -> Iterator[Step]:
    """What the methods of `cls` and of its bases assign to `self.<part>`."""
    for entry in order_of(machine, cls):
        if isinstance(entry, Unknown):
            yield entry
        if not isinstance(entry, ClassValue) or entry.node is None:
            continue
        assignments, dynamic = _assignments(entry.node)
        if dynamic:
            yield Unknown("dynamic-attribute", entry.where)
        for expression in assignments.get(part, ()):
            yield from _classes_in(machine, expression, entry)


def _classes_in(machine: Machine, expression: cst.CSTNode, cls: ClassValue) -> Iterator[Step]:
    """The classes that an expression may build: those it names.

    Undecided where it calls a factory.
    """
    found = False
    for name in _names_in(expression):
        value = look_up(cls.scope, name)
        if isinstance(value, ClassValue):
            found = True
            yield value
    if not found:
        yield from _classes_a_factory_may_build(machine, cls)


def _classes_a_factory_may_build(machine: Machine, cls: ClassValue) -> Iterator[Step]:
    """Every class of the model's files: what a factory builds is defined in one of them."""
    for namespace in (*machine.loader.own_namespaces(), cls.scope.namespace):
        yield from (v for v in namespace.globals.values() if isinstance(v, ClassValue))


def _names_in(expression: cst.CSTNode) -> list[str]:
    return [node.value for node in of_kind(descendants(expression), cst.Name)]


class _SelfAssignments:
    """Collects `self.x = expression`, `self.add_module("x", expression)` and computed names."""

    def __init__(self) -> None:
        self.assigned: dict[str, list[cst.CSTNode]] = {}
        self.dynamic = False

    def look_at(self, node: cst.Assign | cst.AnnAssign | cst.Call) -> None:
        if isinstance(node, cst.Assign):
            for target in node.targets:
                self._note(target.target, node.value)
        elif isinstance(node, cst.Call):
            self._note_call(node)
        elif node.value is not None:
            self._note(node.target, node.value)

    def _note(self, target: cst.CSTNode, value: cst.CSTNode) -> None:
        if isinstance(target, cst.Attribute) and _is_self(target.value):
            self.assigned.setdefault(target.attr.value, []).append(value)

    def _note_call(self, node: cst.Call) -> None:
        function, arguments = node.func, node.args
        if isinstance(function, cst.Name) and function.value == "setattr":
            if arguments and _is_self(arguments[0].value):
                self._note_named(arguments[1:3])
        elif (
            isinstance(function, cst.Attribute)
            and _is_self(function.value)
            and function.attr.value in _REGISTER
        ):
            self._note_named(arguments[:2])

    def _note_named(self, arguments: Sequence[cst.Arg]) -> None:
        name, value = (
            [argument.value for argument in arguments] if len(arguments) == 2 else ("", "")
        )
        if isinstance(name, cst.SimpleString) and isinstance(value, cst.CSTNode):
            self.assigned.setdefault(str(name.evaluated_value), []).append(value)
        else:
            self.dynamic = True


_REGISTER = ("add_module", "register_module", "register_parameter")


def _is_self(node: cst.CSTNode) -> bool:
    return isinstance(node, cst.Name) and node.value == "self"


@lru_cache(maxsize=64)  # each holds the tree of its file, of which an editor makes many
def _assignments(node: cst.ClassDef) -> tuple[dict[str, list[cst.CSTNode]], bool]:
    found = _SelfAssignments()
    for each in of_kind(descendants(node), cst.Assign, cst.AnnAssign, cst.Call):
        found.look_at(each)
    return found.assigned, found.dynamic
