"""Judges what a release makes of each block of experts in a model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from forgather_lint.core.source import Place
from forgather_lint.engines.vllm.experts import NAME, ExpertBlock
from forgather_lint.engines.vllm.fact_values import BlockSearch
from forgather_lint.engines.vllm.model_config import VllmModelConfig
from forgather_lint.engines.vllm.moe.contract import Contract
from forgather_lint.engines.vllm.moe.engine_routing import EngineRouting
from forgather_lint.engines.vllm.moe.fuser import BlockFuser, ReplacedBlock, UndecidedBlock
from forgather_lint.engines.vllm.moe.fuser_traced import TracedBlockFuser
from forgather_lint.engines.vllm.profile import VllmExperts
from forgather_lint.engines.vllm.release import VllmEngine
from forgather_lint.execution.dataflow import Body, graphs
from forgather_lint.execution.outcome import Verdict, undecided
from forgather_lint.execution.writes import write_to_given
from forgather_lint.python.interpreter.budget import BudgetExceeded
from forgather_lint.python.interpreter.frame import Raised
from forgather_lint.python.interpreter.machine import Machine
from forgather_lint.python.values.objects import Instance


def judged_blocks(
    machine: Machine,
    root: Instance,
    engine: VllmEngine,
    facts: VllmExperts,
    blocks: tuple[ExpertBlock, ...],
) -> tuple[tuple[ExpertBlock, ...], Mapping[Instance, Body]]:
    """The blocks with what becomes of them, and the graphs of the model with its own experts.

    Blocks of one kind are judged once.
    """
    config = VllmModelConfig.of_text(machine, root.attributes.get("config"), root.where)
    bodies = _own_bodies(machine, root, engine, config)
    routing = EngineRouting(facts, config, engine.profile.config.expert_fields.value)
    known: dict[Instance, ExpertBlock] = {}
    for block in blocks:
        kind = block.owner.first_alike
        if kind not in known:
            known[kind] = _judged(machine, block, bodies, routing)
    return tuple(_like(block, known[block.owner.first_alike]) for block in blocks), bodies


def _like(block: ExpertBlock, judged: ExpertBlock) -> ExpertBlock:
    return replace(block, replaced=judged.replaced, routed=judged.routed, contract=judged.contract)


def _own_bodies(
    machine: Machine, root: Instance, engine: VllmEngine, config: VllmModelConfig
) -> Mapping[Instance, Body]:
    if config.latent:
        # The heads of the config are not those of the expanded keys.
        engine = replace(engine, attention=None)
    try:
        return graphs(machine, root, engine, config.heads(engine))
    except (Raised, BudgetExceeded):
        return {}


def _judged(
    machine: Machine, block: ExpertBlock, bodies: Mapping[Instance, Body], routing: EngineRouting
) -> ExpertBlock:
    body = bodies.get(block.owner.first_alike)
    if body is None:
        outcome = undecided("block-not-run", block.owner.where, block.name)
        return replace(block, contract=outcome, routed=True)
    written = _written(block, bodies)
    if written is not None:
        outcome = undecided("experts-write-to-their-input", written, block.name)
        return replace(block, contract=outcome, routed=True)
    found = _match(machine, body, bodies, routing)
    contract = Contract(block.name, body, block.experts, bodies, routing)
    if found is None:
        return replace(block, contract=contract.outside())
    if isinstance(found, ReplacedBlock):
        return replace(block, contract=contract.inside(found), replaced=found)
    both = (contract.inside(found.replaced), contract.outside())
    if all(each.verdict is Verdict.SERVES for each in both):
        return block
    outcome = undecided("engine-may-route-experts", found.where, block.name)
    return replace(block, contract=outcome, routed=True)


def _written(block: ExpertBlock, bodies: Mapping[Instance, Body]) -> Place | None:
    """Where the block or a module of it writes to what it was handed, which the engine does not."""
    waiting = [block.owner]
    while waiting:
        module = waiting.pop()
        body = bodies.get(module.first_alike)
        step = write_to_given(body) if body is not None else None
        if step is not None:
            return step.where or module.where
        waiting += [each for each in module.attributes.values() if isinstance(each, Instance)]
    return None


def _match(
    machine: Machine, body: Body, bodies: Mapping[Instance, Body], routing: EngineRouting
) -> ReplacedBlock | UndecidedBlock | None:
    search = routing.facts.block_replaced.value
    if search is BlockSearch.NEVER or not routing.takes_blocks:
        return None
    kind = BlockFuser if search is BlockSearch.PARTS else TracedBlockFuser
    return kind(machine, bodies, NAME, routing.facts.router_state.value).match(body)
