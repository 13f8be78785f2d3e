"""How the attention of a model is connected to vLLM's."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from forgather_lint.core.source import Place
from forgather_lint.engines.common.attention_call import (
    POSITIONS,
    as_unparsed,
    by_position,
    interface_call,
    keyword,
)
from forgather_lint.engines.common.forward_text import forward_of
from forgather_lint.engines.common.model_config import integer
from forgather_lint.engines.vllm.checks.checked_model import CheckedModel
from forgather_lint.engines.vllm.checks.phases import Phase, check
from forgather_lint.engines.vllm.checks.sharing import shared_index
from forgather_lint.engines.vllm.checks.sites import (
    AttentionSite,
    layer_named,
    lost_layer,
    sites_of,
)
from forgather_lint.engines.vllm.fact_values import AttentionBinding
from forgather_lint.facts.causes.attention import (
    LayerCountedOn,
    NoLayerIndex,
    NotDispatchedInForward,
    ScalingByPosition,
    ScalingNotResolved,
)
from forgather_lint.facts.serving import ServingProblem
from forgather_lint.model.tree import class_name
from forgather_lint.python.interpreter.frame import Raised
from forgather_lint.python.values.objects import FunctionValue
from forgather_lint.python.values.value import Choice, Known, Unknown


@check(Phase.BUILD)
def dispatch(seen: CheckedModel) -> Iterator[ServingProblem]:
    """A layer in which no module's own forward calls the attention interface."""
    attention = seen.target.vllm.attention
    layers = seen.number("num_hidden_layers")
    if seen.judge is None or layers is None or seen.judge.subject.tree.structure.open_at:
        return  # an attention module that is not seen may answer for its layer
    sites = sites_of(seen)
    yield from _without_index(seen, sites)
    shared = list(shared_index(seen, sites))
    yield from shared
    if attention.binding.value is not AttentionBinding.SOURCE:
        return
    if shared or _without(sites, "layer_idx"):
        return
    lost = lost_layer([site for site in sites if "config" in site.module.attributes], layers)
    if lost is not None:
        where, name = _attention_of(seen, lost)
        cause: NotDispatchedInForward = NotDispatchedInForward(name)
        parts = {"layer": layer_named(seen, lost)}
        beyond = next((site for site in sites if (_index(site) or 0) >= layers), None)
        if beyond is not None:
            where = beyond.module.places.get("layer_idx", beyond.module.where)
            cause = LayerCountedOn(class_name(beyond.module), _index(beyond) or 0, layers)
        yield from seen.problem(cause, attention.no_dispatch, where, parts=parts)


def _index(site: AttentionSite) -> int | None:
    return integer(site.module.attributes.get("layer_idx"))


def _without(sites: list[AttentionSite], attribute: str) -> list[AttentionSite]:
    return [
        site
        for site in sites
        if attribute not in site.module.attributes and site.module.open is None
    ]


def _without_index(seen: CheckedModel, sites: list[AttentionSite]) -> Iterator[ServingProblem]:
    """An attention module without a layer index."""
    for site in _without(sites, "layer_idx")[:1]:
        title = class_name(site.module)
        yield from seen.problem(
            NoLayerIndex(title),
            seen.target.vllm.attention.no_layer_index,
            site.module.where,
            module=site.name,
            parts={"class": title, "layer": layer_named(seen, 0)},
        )


def _attention_of(seen: CheckedModel, layer: int) -> tuple[Place, str]:
    """The forward that should call the interface: of the attention in `layer`, or of `layer`."""
    inside = list(_forwards(seen, layer))
    named = [each for each in inside if any(word in each[1] for word in ("Attention", "Attn"))]
    for found in (named, inside):
        silent = [each for each in found if interface_call(each[0]) is None]
        for forward, title in silent or found:
            return forward.where, title
    return seen.cls.where, seen.cls.name


def _forwards(seen: CheckedModel, layer: int) -> Iterator[tuple[FunctionValue, str]]:
    """The forwards of a layer and of the modules in it, with the names of their classes."""
    assert seen.judge is not None
    for name, module in seen.judge.subject.tree.instances.items():
        numbers = [part for part in name.split(".") if part.isdigit()]
        forward = forward_of(seen.builder.machine, module)
        if forward is not None and numbers[:1] == [str(layer)]:
            yield forward, class_name(module)


@check(Phase.BUILD)
def scaling(seen: CheckedModel) -> Iterator[ServingProblem]:
    """A `scaling=` that cannot be evaluated without running the model, or is passed by position."""
    attention = seen.target.vllm.attention
    for site in sites_of(seen)[:1]:
        title = class_name(site.module)
        if by_position(site.call) > POSITIONS:
            cause, fact = ScalingByPosition(title), attention.scaling_positional
            yield from seen.problem(cause, fact, site.forward.where, module=site.name)
        expression = keyword(site.call, "scaling")
        if expression is None or _resolves(seen, expression, site):
            continue
        text = cst.Module([]).code_for_node(expression)
        yield from seen.problem(
            ScalingNotResolved(text),
            attention.scaling_unresolved,
            site.forward.where,
            module=site.name,
            parts={"expression": as_unparsed(text), "class": title},
        )


def _resolves(seen: CheckedModel, expression: cst.BaseExpression, site: AttentionSite) -> bool:
    """Whether it is a number, or `self.<attribute>` that holds one (or may hold one)."""
    if isinstance(expression, cst.Integer | cst.Float):
        return True
    if not isinstance(expression, cst.Attribute) or not isinstance(expression.value, cst.Name):
        return False
    if expression.value.value != "self":
        return False
    try:
        value = seen.builder.machine.attribute(
            site.module, expression.attr.value, site.forward.where
        )
    except Raised:
        return False
    if isinstance(value, Known):
        return isinstance(value.value, int | float) and not isinstance(value.value, bool)
    return isinstance(value, Unknown | Choice)
