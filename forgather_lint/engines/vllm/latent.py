"""Latent attention that a release replaces as a whole: keys and values stay compressed.

A port of vllm/model_executor/models/transformers/fusers/mla.py (0.28 and later). Where it matches,
the two down-projections are merged and whole on every rank, the two up-projections are
column-parallel, the output projection is row-parallel, and the method that would expand keys and
values is skipped: the attention gets its arguments.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import libcst as cst

from forgather_lint.core.port import port_of
from forgather_lint.core.record import record
from forgather_lint.core.source import Place
from forgather_lint.documents.walk import all_below, of_kind
from forgather_lint.engines.common.forward_text import definition_of, of_self
from forgather_lint.engines.vllm.fact_values import Hoisting
from forgather_lint.engines.vllm.fusers.fused import (
    Fusion,
    linear_calls,
    returned_linear,
    upstream_linear,
    width,
)
from forgather_lint.engines.vllm.fusers.fuser_text import calls_of
from forgather_lint.engines.vllm.fusers.traced import seen_by_trace
from forgather_lint.engines.vllm.model_config import VllmModelConfig
from forgather_lint.engines.vllm.release import VllmEngine
from forgather_lint.execution.dataflow import Body, Step
from forgather_lint.execution.engine import Heads
from forgather_lint.execution.norms import Norms
from forgather_lint.execution.outcome import SERVES, Outcome, Verdict, undecided
from forgather_lint.facts.causes.attention import LatentHeadSize
from forgather_lint.libraries.names import ATTENTION_INTERFACE
from forgather_lint.python.interpreter.classes import find_member
from forgather_lint.python.interpreter.machine import Machine
from forgather_lint.python.values.objects import FunctionValue, Instance
from forgather_lint.python.values.value import TensorValue, ValueId


@record
class Latent:
    """A kind of attention module that is replaced, and the name of its expanding method."""

    fusion: Fusion
    expansion: str
    where: Place


@record
class Chain:
    """`norm(linear(input))`: a down-projection with the norm behind it."""

    linear: Step
    norm: Step

    @property
    def module(self) -> Instance:
        """The projection."""
        assert self.linear.module is not None
        return self.linear.module

    @property
    def normalizes_all(self) -> bool:
        """Whether the norm is as wide as the projection.

        It is for queries, not for keys and values, whose projection also has the rotary part.
        """
        assert self.norm.module is not None
        weight = self.norm.module.attributes.get("weight")
        shape = weight.shape if isinstance(weight, TensorValue) else None
        return bool(shape) and shape == (width(self.module, "out_features"),)


def latents(
    machine: Machine, bodies: Mapping[Instance, Body], engine: VllmEngine, norms: Norms
) -> dict[Instance, Latent]:
    """The latent attention in each kind of module (its first instance)."""
    found = {kind: _latent(machine, body, norms, engine) for kind, body in bodies.items()}
    return {kind: latent for kind, latent in found.items() if latent is not None}


@port_of("vllm/model_executor/models/transformers/fusers/mla.py", "MLAFuser.update_attrs")
def with_latents(
    heads: Heads | None, config: VllmModelConfig, found: Mapping[Instance, Latent]
) -> Heads | None:
    """The head counts with the sizes of latent attention; None when not all sizes are known."""
    if not found or heads is None:
        return heads
    expansions = {kind: latent.expansion for kind, latent in found.items()}
    compressed = config.compressed(expansions)
    return replace(heads, compressed=compressed) if compressed else None


@port_of("vllm/model_executor/layers/attention/mla_attention.py", "MLACommonMetadata")
def size_outcome(
    config: VllmModelConfig, engine: VllmEngine, found: Mapping[Instance, Latent]
) -> Outcome:
    """Whether the attention supports the head size; checked when the first batch is run."""
    where = next(iter(found.values())).where
    size = config.compressed_head_size(engine)
    if size is None:
        return undecided("unknown-head-size", where)
    if size in engine.profile.attention.latent_head_sizes.value:
        return SERVES
    text = engine.profile.attention.latent_head_size_refused.value.shown(size=size)
    return Outcome(Verdict.FAILS, LatentHeadSize(size), text, where)


@port_of("vllm/model_executor/models/transformers/fusers/mla.py", "MLAFuser.match")
def _latent(machine: Machine, body: Body, norms: Norms, engine: VllmEngine) -> Latent | None:
    linears = seen_by_trace(machine, body, linear_calls(machine, body))
    if len(linears) < 2:
        return None
    chains = list(_chains(machine, body, norms, linears))
    down = [chain for chain in chains if not chain.normalizes_all]
    queries = [chain for chain in chains if chain.normalizes_all]
    if len(down) != 1 or len(queries) > 1:
        return None
    up = _downstream(body, down[0].norm, linears)
    query = _query(body, linears, down[0], queries)
    if up is None or query is None or up.module in (down[0].module, query):
        return None
    assert up.module is not None
    merged = (queries[0].module, down[0].module) if queries else ()
    expansion = _expansion(machine, body.owner, up.module)
    if expansion is None or not _is_one_call(machine, body, merged, engine):
        return None
    claimed = (query, up.module, down[0].module, *merged)
    others = [step.module for step in linears if not any(step.module is each for each in claimed)]
    row = returned_linear(machine, body, [each for each in others if each is not None])
    whole = merged or (down[0].module,)
    fusion = Fusion("MLA", (query, up.module), row, whole=whole)
    return Latent(fusion, expansion.name, expansion.where)


def _chains(machine: Machine, body: Body, norms: Norms, linears: Sequence[Step]) -> Iterator[Chain]:
    """All `rms_norm(linear(input))` in the forward."""
    others = [step for step in body.steps if step.module is not None and step not in linears]
    for norm in seen_by_trace(machine, body, others):
        source = upstream_linear(body, norm.inputs[0], linears) if norm.inputs else None
        if source is None or source.inputs[:1] not in [(each,) for each in body.placeholders]:
            continue
        assert norm.module is not None
        if norms.has(norm.module):
            yield Chain(source, norm)


@port_of("vllm/model_executor/models/transformers/fx_utils.py", "downstream_linear")
def _downstream(body: Body, norm: Step, linears: Sequence[Step]) -> Step | None:
    """The nearest Linear whose input is computed from the output of `norm`.

    None if there is none.
    """
    waiting, seen = [norm.output], set[ValueId]()
    while waiting:
        here = waiting.pop(0)
        if here in seen:
            continue
        seen.add(here)
        for step in body.uses_of(here):
            if any(step is linear for linear in linears):
                return step
            if step.module is None and step.name != ATTENTION_INTERFACE:
                waiting.append(step.output)
    return None


def _query(
    body: Body, linears: Sequence[Step], down: Chain, queries: Sequence[Chain]
) -> Instance | None:
    """The up-projection to the heads of the queries: behind a norm, or directly from the input."""
    if queries:
        up = _downstream(body, queries[0].norm, linears)
        return up.module if up is not None else None
    direct = {
        step.module: step.module
        for step in linears
        if step.inputs[:1] in [(each,) for each in body.placeholders]
        and step.module is not down.module
    }
    return next(iter(direct.values())) if len(direct) == 1 else None


def _is_one_call(
    machine: Machine, body: Body, merged: tuple[Instance, ...], engine: VllmEngine
) -> bool:
    """Whether one call can replace both down-projections, where there are two."""
    if not merged:
        return True
    calls = calls_of(machine, body.owner, merged, engine.profile.fusers.hoisting.value)
    if calls is None or not calls.alike():
        return False
    return engine.profile.fusers.hoisting.value is not Hoisting.INPUT_STABLE or calls.stable(
        within_outermost=True
    )


@port_of("vllm/model_executor/models/transformers/fusers/mla.py", "_single_expand_call")
def _expansion(machine: Machine, owner: Instance, up: Instance) -> FunctionValue | None:
    """The one method `self.<method>(a, b)` that expands keys and values by `up`; else None."""
    forward = definition_of(machine, owner)
    name = next(name for name, value in owner.attributes.items() if value is up)
    if forward is None:
        return None
    found = [
        function
        for node in of_kind(all_below(forward.body), cst.Call)
        if (method := of_self(node.func)) is not None
        and _is_pair(node.args)
        and (function := _method(machine, owner, method)) is not None
        and _expands(function, name)
    ]
    return found[0] if len(found) == 1 else None


def _is_pair(arguments: Sequence[cst.Arg]) -> bool:
    return len(arguments) == 2 and not any(each.keyword for each in arguments)


def _method(machine: Machine, owner: Instance, name: str) -> FunctionValue | None:
    member = find_member(machine, owner.cls, name)
    function = member.value if member is not None else None
    return function if isinstance(function, FunctionValue) else None


def _expands(function: FunctionValue, projection: str) -> bool:
    """Whether it has two inputs, returns pairs, names the projection (`is_expansion_method`)."""
    if not isinstance(function.node, cst.FunctionDef):
        return False
    parameters = function.node.params
    nodes = all_below(function.node.body)
    names = {node.attr.value for node in of_kind(nodes, cst.Attribute)}
    returned = [node.value for node in of_kind(nodes, cst.Return)]
    return (
        len([*parameters.posonly_params, *parameters.params]) == 3
        and projection in names
        and bool(returned)
        and all(isinstance(value, cst.Tuple) and len(value.elements) == 2 for value in returned)
    )
