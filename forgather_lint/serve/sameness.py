"""Whether a forward of a model's own computes what the library's does."""

from __future__ import annotations

import libcst as cst
from libcst.helpers import get_full_name_for_node

from forgather_lint.flow.fused import width
from forgather_lint.flow.inputs import SEQUENCE
from forgather_lint.flow.numbering import is_numbered, number_of
from forgather_lint.flow.stages import NumberingLibrary
from forgather_lint.interp.budget import BudgetExceeded
from forgather_lint.interp.calls import call_forward
from forgather_lint.interp.frame import Raised
from forgather_lint.interp.machine import Observer
from forgather_lint.semantics.names import EMBEDDING, LINEAR
from forgather_lint.serve.examined import Examined
from forgather_lint.values.objects import FunctionValue, Instance
from forgather_lint.values.value import Arguments, TensorValue

_CASTS = frozenset({"to", "type", "type_as", "float", "contiguous"})
_FUNCTION = {LINEAR: "torch.nn.functional.linear", EMBEDDING: "torch.nn.functional.embedding"}


def repeats(seen: Examined, module: Instance, forward: FunctionValue, kind: str) -> bool:
    """Whether `forward` surely computes what that of its library class `kind` does."""
    return _only_repeats(forward) or _computes_the_same(seen, module, kind)


def _computes_the_same(seen: Examined, module: Instance, kind: str) -> bool:
    """Whether a run of the forward ends with the very value of the library's."""
    if seen.judge is None:
        return False
    machine, library = seen.workshop.machine, NumberingLibrary(seen.judge.engine, 1, None)
    given, where = _given(module, kind), module.where
    before = machine.library, machine.observer
    machine.library, machine.observer = library, Observer()
    machine.trail.begin()
    try:
        made = call_forward(machine, module, Arguments([given]), where)
        inherited = library.call(machine, f"{kind}.forward", Arguments([module, given]), where)
        called = library.call(machine, _FUNCTION[kind], _written(module, given), where)
    except (Raised, BudgetExceeded):
        return False
    finally:
        machine.trail.roll_back()
        machine.library, machine.observer = before
    return is_numbered(made) and number_of(made) in (number_of(inherited), number_of(called))


def _given(module: Instance, kind: str) -> TensorValue:
    """What a module of the kind is called with: tokens, or features."""
    if kind == EMBEDDING:
        return TensorValue((1, SEQUENCE), dtype="int64")
    return TensorValue((1, SEQUENCE, width(module, "in_features")))


def _written(module: Instance, given: TensorValue) -> Arguments:
    """`F.linear(x, self.weight)`, with the bias where there is one."""
    weights = (module.attributes.get(name) for name in ("weight", "bias"))
    return Arguments([given, *(each for each in weights if isinstance(each, TensorValue))])


def _only_repeats(forward: FunctionValue) -> bool:
    """Whether all it does is `return super().forward(...)` or `return F.linear(x, self.weight)`.

    Casts between dtypes, which the engine chooses, do not count.
    """
    node = forward.node
    if not isinstance(node, cst.FunctionDef):
        return False
    statements = [each for each in node.body.body if not _is_text(each)]
    if len(statements) != 1 or not isinstance(statements[0], cst.SimpleStatementLine):
        return False
    last = statements[0].body[-1]
    return isinstance(last, cst.Return) and last.value is not None and _repeats(last.value)


def _is_text(statement: cst.CSTNode) -> bool:
    if not isinstance(statement, cst.SimpleStatementLine):
        return False
    first = statement.body[0]
    return isinstance(first, cst.Expr) and isinstance(first.value, cst.SimpleString)


def _repeats(expression: cst.BaseExpression) -> bool:
    if not isinstance(expression, cst.Call) or not isinstance(expression.func, cst.Attribute):
        return False
    name, owner = expression.func.attr.value, expression.func.value
    if name in _CASTS:
        return _repeats(owner)
    given = [each.value for each in expression.args]
    if name == "forward" and isinstance(owner, cst.Call):
        return get_full_name_for_node(owner.func) == "super" and all(map(_is_plain, given))
    return name in ("linear", "embedding") and all(map(_is_plain, given))


def _is_plain(expression: cst.BaseExpression) -> bool:
    """A name, an attribute, or a cast of one."""
    if isinstance(expression, cst.Call) and isinstance(expression.func, cst.Attribute):
        return expression.func.attr.value in _CASTS and _is_plain(expression.func.value)
    return isinstance(expression, cst.Name | cst.Attribute)
