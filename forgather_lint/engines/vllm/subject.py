"""A model as one target builds it: its base class, with the plans that the target reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from forgather_lint.core.recursion import deep_recursion
from forgather_lint.documents.model_input import ModelInput
from forgather_lint.engines import api
from forgather_lint.engines.common.element_type import element_type
from forgather_lint.engines.transformers.base_model import (
    build_base,
    merged_plans,
    with_given_plans,
)
from forgather_lint.engines.transformers.environment import environment_beside
from forgather_lint.engines.vllm.config_patch import ConfigPatch
from forgather_lint.engines.vllm.experts import (
    ExpertBlock,
    expert_blocks,
    experts_refused,
    fuse_experts,
    has_experts,
)
from forgather_lint.engines.vllm.float32_kept import keep_in_float32
from forgather_lint.engines.vllm.judge import VllmJudge, VllmSubject
from forgather_lint.engines.vllm.release import VllmEngine, engine_of
from forgather_lint.engines.vllm.target import VllmTarget
from forgather_lint.execution.dataflow import Body
from forgather_lint.facts import NotBuilt
from forgather_lint.model.analysis import Built, builder_of
from forgather_lint.model.build import ModelBuilder
from forgather_lint.model.tree import Tree
from forgather_lint.python.interpreter.environment import Environment
from forgather_lint.python.values.objects import ClassValue, Instance

PreparedModel = api.PreparedModel[VllmTarget, VllmJudge]
"""A judge for one target, or why it cannot even build the model."""


def prepare(
    model: ModelInput,
    target: VllmTarget,
    dtype: str,
    *,
    experts_fused: bool = True,
    environment: Environment | None = None,
) -> PreparedModel:
    """Build the base model as `target` would, and merge its plans.

    Without `experts_fused` the experts are those of the model, not the engine's. `environment`
    replaces that of `target`.
    """
    of_model = element_type(model, dtype)
    world = environment or environment_of(target)
    builder = builder_of(model, replace(world, dtype=of_model.name))
    base = build_base(builder)
    if isinstance(base, NotBuilt):
        return PreparedModel(target, None, base, builder)
    with deep_recursion():
        if target.vllm.building.float32_kept.value:
            keep_in_float32(builder.machine, base.root, base.tree)
        subject = _subject(builder, model, base, target, experts_fused)
    return PreparedModel(target, VllmJudge(subject, of_model), None, builder)


def environment_of(target: VllmTarget) -> Environment:
    """What a model finds of `target` while it is built and run."""
    building = target.vllm.building
    return replace(
        environment_beside(target.transformers, target.torch),
        attention="vllm",
        host="vllm",
        config_patched=ConfigPatch(
            target.vllm.config.rope_patched.value, building.config_typed.value
        ),
        tensors_on=building.tensors_on.value,
        parameters_on=building.parameters_on.value,
        tensors_stay_on=building.tensors_stay_on.value,
    )


def _subject(
    builder: ModelBuilder, model: ModelInput, base: Built, target: VllmTarget, experts_fused: bool
) -> VllmSubject:
    root = base.root
    assert isinstance(root.cls, ClassValue)
    plans = with_given_plans(merged_plans(builder, root, target.transformers), model)
    engine = engine_of(target.vllm)
    tree: Tree = base.tree
    blocks: tuple[ExpertBlock, ...] = ()
    bodies: Mapping[Instance, Body] | None = None
    if experts_fused:
        tree, blocks, bodies = _with_experts_fused(builder, base, engine, target)
    return VllmSubject(
        machine=builder.machine,
        tree=tree,
        root=root,
        engine=engine,
        tensor_plan=plans.tensor,
        pipeline_plan=plans.pipeline,
        pipeline_keys=plans.pipeline_keys,
        where=root.cls.where,
        experts=blocks,
        plans_merged=plans.merged,
        plans_unknown=plans.unknown,
        config_file=builder.config_file,
        bodies=bodies,
    )


def _with_experts_fused(
    builder: ModelBuilder, base: Built, engine: VllmEngine, target: VllmTarget
) -> tuple[Tree, tuple[ExpertBlock, ...], Mapping[Instance, Body] | None]:
    """The tree as the engine changes it, the blocks it replaced, and the graphs of the model.

    A release that refuses experts beside this transformers never gets that far.
    """
    machine, root, tree = builder.machine, base.root, base.tree
    if experts_refused(target) or not has_experts(machine, root, engine):
        return tree, (), None
    found = expert_blocks(machine, tree)
    if not found:
        return tree, (), None
    # Only a mixture of experts pays for these.
    from forgather_lint.engines.vllm.moe.blocks import judged_blocks

    blocks, bodies = judged_blocks(machine, root, engine, target.vllm.experts, found)
    return fuse_experts(machine, tree, blocks), blocks, bodies
