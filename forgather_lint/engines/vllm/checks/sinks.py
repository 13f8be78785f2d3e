"""Attention sinks: a learned value for each head that takes part in the softmax over scores."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from forgather_lint.core.port import port_of
from forgather_lint.engines.common.attention_call import as_unparsed, keyword
from forgather_lint.engines.fact import Effect
from forgather_lint.engines.vllm.checks.checked_model import CheckedModel
from forgather_lint.engines.vllm.checks.phases import Phase, check
from forgather_lint.engines.vllm.checks.sites import AttentionSite, sites_of
from forgather_lint.facts.causes.attention import SinksLost
from forgather_lint.facts.serving import ServingProblem
from forgather_lint.model.tree import class_name
from forgather_lint.python.interpreter.frame import Raised
from forgather_lint.python.values.value import Known, TensorValue, Value

KEYWORD = "s_aux"


@port_of("vllm/model_executor/models/transformers/fusers/attention.py", "AttentionFuser.sinks")
@check(Phase.BUILD)
def sinks(seen: CheckedModel) -> Iterator[ServingProblem]:
    """`s_aux=`, where the release drops it or cannot find its value."""
    attention = seen.target.vllm.attention
    for site in sites_of(seen):
        expression = keyword(site.call, KEYWORD)
        if expression is None:
            continue
        held = _of_self(seen, expression, site)
        text = cst.Module([]).code_for_node(expression)
        dropped = attention.sinks_lost.value.effect is Effect.SILENT
        if dropped and isinstance(held, TensorValue):
            fact, cause = attention.sinks_lost, SinksLost(text)
        elif not dropped and _is_not_found(expression, held):
            looked_at = held is not None or not isinstance(expression, cst.Call)
            fact = attention.sinks_unresolved if looked_at else attention.sinks_lost
            cause = SinksLost(text, looked_for=True)
        else:
            continue
        title = class_name(site.module)
        yield from seen.problem(
            cause,
            fact,
            site.forward.where,
            module=site.name,
            parts={"expression": as_unparsed(text), "class": title, "attention": "Attention"},
        )
        return


def _of_self(
    seen: CheckedModel, expression: cst.BaseExpression, site: AttentionSite
) -> Value | None:
    """The value of `self.<attribute>`; None for any other expression, or where there is none."""
    if not isinstance(expression, cst.Attribute) or not isinstance(expression.value, cst.Name):
        return None
    if expression.value.value != "self":
        return None
    machine = seen.builder.machine
    try:
        return machine.attribute(site.module, expression.attr.value, site.forward.where)
    except Raised:
        return None


def _is_not_found(expression: cst.BaseExpression, held: Value | None) -> bool:
    """Whether it surely is neither a parameter of the module nor None (fusers/attention.py)."""
    if isinstance(held, TensorValue):
        return not held.is_parameter
    if held is not None:
        return isinstance(held, Known) and held.value is not None
    is_none = isinstance(expression, cst.Name) and expression.value == "None"
    of_self = (
        isinstance(expression, cst.Attribute)
        and isinstance(expression.value, cst.Name)
        and expression.value.value == "self"
    )
    return not is_none and not of_self
