"""Whether a forward of the model's own computes what the library's does."""

from __future__ import annotations

import libcst as cst
from libcst.helpers import get_full_name_for_node

from forgather_lint.engines.vllm.checks.checked_model import CheckedModel
from forgather_lint.python.values.objects import FunctionValue, Instance

_CASTS = frozenset({"to", "type", "type_as", "float", "contiguous"})


def repeats(seen: CheckedModel, module: Instance, forward: FunctionValue, kind: str) -> bool:
    """Whether `forward` surely computes what that of its library class `kind` does."""
    if _only_repeats(forward):
        return True
    # Numbering values takes imports that few models need.
    from forgather_lint.engines.vllm.checks.rerun import computes_the_same

    return computes_the_same(seen, module, kind)


def _only_repeats(forward: FunctionValue) -> bool:
    """Whether it is just `return super().forward(...)` or `return F.linear(x, self.weight)`.

    Casts between dtypes do not count, as the engine chooses the dtype.
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
    """Whether it is a name, an attribute, or a cast of one."""
    if isinstance(expression, cst.Call) and isinstance(expression.func, cst.Attribute):
        return expression.func.attr.value in _CASTS and _is_plain(expression.func.value)
    return isinstance(expression, cst.Name | cst.Attribute)
