"""A model as one target builds it: its base class, with the plans that the target reads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from forgather_lint.core.record import record
from forgather_lint.documents.model_input import ModelInput
from forgather_lint.engines.fact import Effect
from forgather_lint.engines.target import Target
from forgather_lint.engines.transformers.profile import ConfigPlanOn, TransformersProfile
from forgather_lint.engines.vllm.experts import (
    ExpertBlock,
    expert_blocks,
    experts_refused,
    fuse_experts,
    has_experts,
)
from forgather_lint.engines.vllm.judge import Judge, Subject
from forgather_lint.engines.vllm.release import engine_of
from forgather_lint.execution.children import plans_of_children
from forgather_lint.execution.dataflow import Body
from forgather_lint.execution.engine import Engine
from forgather_lint.execution.outcome import Outcome
from forgather_lint.facts import NotBuilt, PlanEntry, Plans
from forgather_lint.facts.serving import ServingProblem
from forgather_lint.libraries.transformers.model import plans_merged
from forgather_lint.model.analysis import Built, build_tree, deep_recursion, workshop_of
from forgather_lint.model.build import Workshop
from forgather_lint.model.entry import AUTO_MODEL, model_reference
from forgather_lint.model.given_plans import with_given
from forgather_lint.model.plans import collect
from forgather_lint.model.tree import Tree, tree_of
from forgather_lint.python.interpreter.environment import Environment, LayerTypes
from forgather_lint.python.values.objects import ClassValue, Instance


@record(frozen=False)
class Prepared:
    """A judge for one target, or why the target cannot even build the model.

    `problems` are what the target holds against it; `given_up` says that not all were looked for.
    `own` is the verdict at every size when a model of vLLM's own serves, or one of transformers'
    own; then nothing else is judged. `unproved` is what keeps a *serves* from being a proof: input
    that is not read.
    """

    target: Target
    judge: Judge | None
    ended: NotBuilt | None = None
    workshop: Workshop | None = None
    problems: tuple[ServingProblem, ...] = ()
    own: Outcome | None = None
    unproved: Outcome | None = None
    given_up: Outcome | None = None


def prepare(
    model: ModelInput,
    target: Target,
    dtype: str,
    *,
    experts_fused: bool = True,
    environment: Environment | None = None,
) -> Prepared:
    """Build the base model as `target` would, and read its plans as `target` merges them.

    Without `experts_fused` the experts are those of the model, not the engine's. `environment` is
    what the model finds, if that is not all of `target`.
    """
    workshop = workshop_of(model, environment or environment_of(target))
    base = build_base(workshop)
    if isinstance(base, NotBuilt):
        return Prepared(target, None, base, workshop)
    with deep_recursion():
        subject = _subject(workshop, base, target, experts_fused)
        subject = _with_given(subject, model)
    return Prepared(target, Judge(subject, dtype), None, workshop)


def environment_of(target: Target) -> Environment:
    """What a model finds of `target` while it is built and run."""
    building = target.vllm.building
    return replace(
        environment_beside(target.transformers),
        attention="vllm",
        tensors_on=building.tensors_on.value,
        parameters_on=building.parameters_on.value,
    )


def environment_beside(transformers: TransformersProfile) -> Environment:
    """What a model finds of a transformers release alone."""
    return Environment(
        transformers=str(transformers.version),
        fields_generated=transformers.config.fields_generated.value,
        removed_fields=transformers.config.removed_fields.value,
        popped_fields=transformers.config.popped_fields.value,
        layer_types=_layer_types(transformers),
        rope_types=transformers.config.rope_types.value,
        model_type_taken=transformers.has_model_type,
        class_plans_kept=transformers.plan.class_plan_kept.value,
        config_plan_everywhere=transformers.plan.config_plan_on.value is ConfigPlanOn.EVERY_MODEL,
        rope_parameters="rope_scaling" in transformers.config.renamed_fields.value,
        mask_takes_input_embeds=(
            transformers.modeling.mask_embeds_renamed.value.effect is Effect.NONE
        ),
    )


def _layer_types(transformers: TransformersProfile) -> LayerTypes | None:
    config = transformers.config
    unknown, length = config.layer_type_unknown.value, config.layer_types_length.value
    if unknown.effect is Effect.NONE:
        return None
    return LayerTypes(
        config.layer_types.value, config.layer_types_renamed.value, unknown.text, length.text
    )


def build_base(workshop: Workshop) -> Built | NotBuilt:
    """What AutoModel loads; without that entry, the child that `base_model_prefix` names."""
    if model_reference(workshop.config_values, AUTO_MODEL) is not None:
        return build_tree(workshop, AUTO_MODEL)
    whole = build_tree(workshop)
    if isinstance(whole, NotBuilt):
        return whole
    child = workshop.base_child(whole.root)
    return Built(child, tree_of(workshop.machine, child)) if child is not None else whole


def _subject(workshop: Workshop, base: Built, target: Target, experts_fused: bool) -> Subject:
    root = base.root
    assert isinstance(root.cls, ClassValue)
    children = {k: v for k, v in root.attributes.items() if isinstance(v, Instance)}
    config = children.pop("config", None)
    plans = Plans()
    if config is not None:
        plans = collect(workshop.machine, root.cls, config, workshop.config_file, children)
    kept = target.transformers.plan.class_plan_kept.value
    everywhere = target.transformers.plan.config_plan_on.value is ConfigPlanOn.EVERY_MODEL
    inside = plans_of_children(workshop.machine, root, kept=kept, everywhere=everywhere)
    tensor = list(_entries(plans.class_tp.entries, (*plans.tp.entries, *inside.tensor), kept))
    staged = (*plans.pp.entries, *inside.pipeline)
    pipeline = list(_entries(plans.class_pp.entries, staged, kept))
    merged = plans_merged(root)
    engine = engine_of(target.vllm)
    tree: Tree = base.tree
    blocks: tuple[ExpertBlock, ...] = ()
    bodies: Mapping[Instance, Body] | None = None
    if experts_fused:
        tree, blocks, bodies = _with_experts_fused(workshop, base, engine, target)
    return Subject(
        machine=workshop.machine,
        tree=tree,
        root=root,
        engine=engine,
        tensor_plan=tensor if merged is not False else [],
        pipeline_plan=replace(plans.pp, entries=staged),
        pipeline_keys=[entry.full_key for entry in pipeline] if merged is not False else [],
        where=root.cls.where,
        experts=blocks,
        plans_merged=merged,
        config_file=workshop.config_file,
        bodies=bodies,
    )


def _with_given(subject: Subject, model: ModelInput) -> Subject:
    """The subject with the plans that were given instead of the model's."""
    given = model.plans
    if given is None:
        return subject
    plans = with_given(Plans(), given)
    if given.tensor is not None:
        subject = replace(subject, tensor_plan=plans.tp.entries)
    if given.pipeline is not None:
        keys = [entry.full_key for entry in plans.pp.entries]
        subject = replace(subject, pipeline_plan=plans.pp, pipeline_keys=keys)
    return subject


def _with_experts_fused(
    workshop: Workshop, base: Built, engine: Engine, target: Target
) -> tuple[Tree, tuple[ExpertBlock, ...], Mapping[Instance, Body] | None]:
    """The tree as the engine changes it, the blocks it replaced, and the graphs of the model.

    A release that refuses experts beside this transformers (FGL506) never comes to that.
    """
    machine, root, tree = workshop.machine, base.root, base.tree
    if experts_refused(target) or not has_experts(machine, root, engine):
        return tree, (), None
    found = expert_blocks(machine, tree)
    if not found:
        return tree, (), None
    # Only a mixture of experts pays for these.
    from forgather_lint.engines.vllm.moe.blocks import judged_blocks

    blocks, bodies = judged_blocks(machine, root, engine, target.vllm.experts, found)
    return fuse_experts(machine, tree, blocks), blocks, bodies


def _entries(
    of_class: Iterable[PlanEntry], of_config: Iterable[PlanEntry], kept: bool
) -> Iterable[PlanEntry]:
    """The merged plan in dict order: a key of the class keeps its place, not its value."""
    merged: dict[str, PlanEntry] = {}
    for entry in of_class if kept else ():
        merged[entry.full_key] = entry
    for entry in of_config:
        merged[entry.full_key] = entry
    return merged.values()
