"""Whether one call at the place of the first of several would have the same input as the last.

A port of vLLM's own check, which is conservative: vllm/model_executor/models/transformers,
fusers/base.py `_check_input_stable` and fx_utils.py `aliasing_names`, `written_names` (0.30).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

import libcst as cst

from forgather_lint.core.port import port_of
from forgather_lint.documents.walk import all_below, descendants, of_kind
from forgather_lint.engines.common.forward_text import of_self
from forgather_lint.libraries.names import LINEAR
from forgather_lint.python.interpreter.classes import find_member
from forgather_lint.python.interpreter.machine import Machine
from forgather_lint.python.values.objects import Instance
from forgather_lint.python.values.value import Known

_METADATA = frozenset("shape dtype device ndim size dim numel item".split())
_LITERALS = (cst.Integer, cst.Float, cst.Imaginary, cst.SimpleString, cst.ConcatenatedString)
_CONSTANTS = frozenset({"None", "True", "False"})


@port_of("vllm/model_executor/models/transformers/fx_utils.py", "aliasing_names")
def aliases(
    machine: Machine,
    owner: Instance,
    function: cst.FunctionDef,
    argument: cst.CSTNode,
    merged: Collection[str],
) -> set[str]:
    """The names that `argument` reads, and those that may share storage with one of them.

    `merged` are the projections of `owner` that are replaced, and so surely exist.
    """
    names = set(names_read(argument))
    assigned = [
        (set(_stored_by(node)), value)
        for node in of_kind(all_below(function.body), cst.Assign, cst.AnnAssign)
        if (value := node.value) is not None and not _is_fresh(machine, owner, value, merged)
    ]
    grown = True
    while grown:
        grown = False
        for stored, value in assigned:
            if stored - names and _aliasing_reads(value) & names:
                names |= stored
                grown = True
    return names


@port_of("vllm/model_executor/models/transformers/fx_utils.py", "written_names")
def written(region: Sequence[cst.BaseStatement | cst.BaseSmallStatement]) -> set[str]:
    """The names that the statements rebind, write through, or pass to a call that writes."""
    found: set[str] = set()
    for statement in region:
        for node in descendants(statement):
            found.update(_stored_by(node))
            found.update(_mutated_by(node))
        found.update(_discarded(statement))
    return found


def names_read(node: cst.CSTNode) -> Iterator[str]:
    """The variables in an expression, without attributes and keywords."""
    waiting = [node]
    while waiting:
        here = waiting.pop()
        if isinstance(here, cst.Name):
            yield here.value
        waiting += _below(here)


def _below(node: cst.CSTNode) -> Sequence[cst.CSTNode]:
    if isinstance(node, cst.Attribute | cst.Arg):
        return [node.value]
    return node.children


_STORES = frozenset(
    (
        cst.Assign,
        cst.For,
        cst.CompFor,
        cst.NamedExpr,
        cst.AnnAssign,
        cst.AugAssign,
        cst.Del,
        cst.WithItem,
    )
)
"""The kinds of nodes that assign: the pattern below asks an abstract class for every node."""


def _targets(node: cst.CSTNode) -> Iterator[cst.BaseExpression]:
    """What a statement or expression assigns to or deletes."""
    if type(node) not in _STORES:
        return
    match node:
        case cst.Assign(targets=targets):
            yield from (each.target for each in targets)
        case cst.For(target=target) | cst.CompFor(target=target) | cst.NamedExpr(target=target):
            yield target
        case cst.AnnAssign(target=target) | cst.AugAssign(target=target) | cst.Del(target=target):
            yield target
        case cst.WithItem(asname=cst.AsName(name=name)):
            yield name


def _parts(target: cst.BaseExpression) -> Iterator[cst.BaseExpression]:
    """The single targets in an unpacking."""
    match target:
        case cst.Tuple(elements=elements) | cst.List(elements=elements):
            for element in elements:
                yield from _parts(element.value)
        case _:
            yield target


def _stored_by(node: cst.CSTNode) -> Iterator[str]:
    for target in _targets(node):
        yield from (part.value for part in _parts(target) if isinstance(part, cst.Name))


@port_of("vllm/model_executor/models/transformers/fx_utils.py", "_mutated_names")
def _mutated_by(node: cst.CSTNode) -> Iterator[str]:
    """The names in `x[i] = `, `x.a = `, `x.add_(...)`, and the arguments of a writing call."""
    for target in _targets(node):
        for part in _parts(target):
            if isinstance(part, cst.Attribute | cst.Subscript):
                yield from _base(part)
    if isinstance(node, cst.Call):
        if isinstance(node.func, cst.Attribute) and _in_place(node.func.attr.value):
            yield from _base(node.func.value)
        if _writes_arguments(node):
            yield from _of_arguments(node)


@port_of("vllm/model_executor/models/transformers/fx_utils.py", "_base_name")
def _base(node: cst.BaseExpression) -> Iterator[str]:
    while isinstance(node, cst.Attribute | cst.Subscript):
        node = node.value
    if isinstance(node, cst.Name):
        yield node.value


@port_of("vllm/model_executor/models/transformers/fx_utils.py", "_inplace_target")
def _in_place(name: str) -> bool:
    return name.endswith("_") and not name.endswith("__")


@port_of("vllm/model_executor/models/transformers/fx_utils.py", "_writes_through_args")
def _writes_arguments(call: cst.Call) -> bool:
    """Whether it has `out=` or `inplace=`, or the function's name ends with an underscore."""
    for argument in call.args:
        keyword = argument.keyword.value if argument.keyword else ""
        if keyword == "out" or (keyword == "inplace" and not _is_false(argument.value)):
            return True
    function = call.func.attr if isinstance(call.func, cst.Attribute) else call.func
    return isinstance(function, cst.Name) and _in_place(function.value)


def _is_false(node: cst.BaseExpression) -> bool:
    return isinstance(node, cst.Name) and node.value == "False"


def _of_arguments(call: cst.Call) -> Iterator[str]:
    for argument in call.args:
        yield from names_read(argument.value)


def _discarded(statement: cst.CSTNode) -> Iterator[str]:
    """The arguments of a call whose result is not used: it can only have side effects."""
    small = statement.body if isinstance(statement, cst.SimpleStatementLine) else [statement]
    for each in small:
        if isinstance(each, cst.Expr) and isinstance(each.value, cst.Call):
            yield from _of_arguments(each.value)


@port_of("vllm/model_executor/models/transformers/fx_utils.py", "_aliasing_reads")
def _aliasing_reads(node: cst.CSTNode) -> set[str]:
    """The names that an expression reads for more than their metadata."""
    found: set[str] = set()
    waiting: list[cst.CSTNode] = [node]
    while waiting:
        here = waiting.pop()
        if isinstance(here, cst.Attribute) and here.attr.value in _METADATA:
            continue
        if isinstance(here, cst.Call) and _asks_metadata(here.func):
            waiting += here.args
            continue
        if isinstance(here, cst.Name):
            found.add(here.value)
        waiting += _below(here)
    return found


def _asks_metadata(function: cst.BaseExpression) -> bool:
    return isinstance(function, cst.Attribute) and function.attr.value in _METADATA


@port_of("vllm/model_executor/models/transformers/fx_utils.py", "_returns_fresh")
def _is_fresh(
    machine: Machine, owner: Instance, node: cst.BaseExpression, merged: Collection[str]
) -> bool:
    """Whether the value surely is new storage: the output of a Linear, or a literal."""

    def fresh(each: cst.BaseExpression) -> bool:
        return _is_fresh(machine, owner, each, merged)

    if isinstance(node, _LITERALS) or (isinstance(node, cst.Name) and node.value in _CONSTANTS):
        return True
    if isinstance(node, cst.IfExp):
        chosen = guard(node.test, merged)
        if chosen is None:
            return fresh(node.body) and fresh(node.orelse)
        return fresh(node.body if chosen else node.orelse)
    if isinstance(node, cst.Tuple | cst.List):
        return all(fresh(element.value) for element in node.elements)
    while isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute):
        name = of_self(node.func)
        if name is not None:
            given = [each.value for each in node.args if each.keyword is None]
            return _makes_new(machine, owner, name) or (bool(given) and all(map(fresh, given)))
        node = node.func.value
    return False


def _makes_new(machine: Machine, owner: Instance, name: str) -> bool:
    """Whether it is a Linear, or does not exist, in which case the call never runs."""
    value = owner.attributes.get(name)
    if value is None:
        return find_member(machine, owner.cls, name) is None
    is_none = isinstance(value, Known) and value.value is None
    return is_none or (isinstance(value, Instance) and machine.is_instance_of(value, LINEAR))


@port_of("vllm/model_executor/models/transformers/fx_utils.py", "bypass_existence_guard")
def guard(test: cst.BaseExpression, merged: Collection[str]) -> bool | None:
    """The value to which a test for the existence of a replaced projection is folded, else None."""
    if isinstance(test, cst.UnaryOperation) and isinstance(test.operator, cst.Not):
        inner = guard(test.expression, merged)
        return None if inner is None else not inner
    if of_self(test) in merged:
        return True
    if not isinstance(test, cst.Comparison) or len(test.comparisons) != 1:
        return None
    operator, right = test.comparisons[0].operator, test.comparisons[0].comparator
    sides = [test.left, right]
    is_none = any(isinstance(side, cst.Name) and side.value == "None" for side in sides)
    if not is_none or not any(of_self(side) in merged for side in sides):
        return None
    if isinstance(operator, cst.Is):
        return False
    return True if isinstance(operator, cst.IsNot) else None
