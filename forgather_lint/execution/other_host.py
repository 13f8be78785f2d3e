"""Whether a model computes for an engine what it computes for transformers, whom it may ask.

A forward may ask for what an engine says of itself: the name of its attention, keywords of its own.
Where it does, it is run twice, once as the engine calls it and once as transformers does, and the
numbers of both results are compared: equal ones were computed alike.
"""

from __future__ import annotations

from dataclasses import replace

import libcst as cst

from forgather_lint.core.record import record
from forgather_lint.core.source import Place
from forgather_lint.documents.walk import all_below, of_kind
from forgather_lint.execution.engine import Engine, HandedOn, Heads, given_arguments
from forgather_lint.execution.stages import NumberingLibrary
from forgather_lint.execution.value_numbers import digest, is_numbered, number_of, numbered
from forgather_lint.libraries.names import ATTENTION_INTERFACE
from forgather_lint.model.tree import Tree
from forgather_lint.python.interpreter.budget import BudgetExceeded
from forgather_lint.python.interpreter.classes import find_member
from forgather_lint.python.interpreter.environment import Environment
from forgather_lint.python.interpreter.frame import Raised
from forgather_lint.python.interpreter.machine import Machine, Observer
from forgather_lint.python.interpreter.subscripts import read
from forgather_lint.python.values.objects import FunctionValue, Instance
from forgather_lint.python.values.value import Arguments, Known, Value

_ATTENDS = ("module", "query", "key", "value")


def keywords_are_asked(machine: Machine, tree: Tree) -> bool:
    """Whether a forward does more with its `**kwargs` than hand them on."""
    forwards = {
        member.value
        for cls in {instance.cls for instance in tree.instances.values()}
        if (member := find_member(machine, cls, "forward")) is not None
        and isinstance(member.value, FunctionValue)
    }
    return any(map(_asks_keywords, forwards))


def _asks_keywords(forward: FunctionValue) -> bool:
    node = forward.node
    if not isinstance(node, cst.FunctionDef) or node.params.star_kwarg is None:
        return False
    name, nodes = node.params.star_kwarg.name.value, list(all_below(node.body))
    read = sum(each.value == name for each in of_kind(iter(nodes), cst.Name))
    handed = sum(
        each.star == "**" and isinstance(each.value, cst.Name) and each.value.value == name
        for each in of_kind(iter(nodes), cst.Arg)
    )
    return read > handed


@record(frozen=False)
class _Comparing(NumberingLibrary):
    """Numbers what attention makes by what it attends to, whatever else it is handed."""

    def call(self, machine: Machine, name: str, arguments: Arguments, where: Place) -> Value:
        made = NumberingLibrary.call(self, machine, name, arguments, where)
        if name != ATTENTION_INTERFACE:
            return made
        given = dict(zip(_ATTENDS, arguments.positional, strict=False)) | arguments.keywords
        attended = Arguments([given[each] for each in _ATTENDS if each in given])
        return numbered(made, digest(name, attended))


def computes_alike(machine: Machine, root: Instance, engine: Engine, heads: Heads | None) -> bool:
    """Whether the forward surely gives what it gives where transformers calls it."""
    plain = replace(engine, handed_on=HandedOn())
    given = given_arguments(plain)
    del given.keywords["return_dict"]
    world = replace(machine.environment, attention="sdpa", variables="1")
    here = _number(machine, root, engine, heads, given_arguments(engine), None)
    return here is not None and here == _number(machine, root, plain, heads, given, world)


def _number(
    machine: Machine,
    root: Instance,
    engine: Engine,
    heads: Heads | None,
    given: Arguments,
    world: Environment | None,
) -> str | None:
    """The number of what the forward gives; None where that is not known."""
    try:
        with machine.undone_run(_Comparing(engine, 1, heads), Observer(), world):
            result = machine.call(root, given, root.where)
            first = read(machine, result, Known(0), root.where)
    except (Raised, BudgetExceeded):
        return None
    return number_of(first) if is_numbered(first) else None
