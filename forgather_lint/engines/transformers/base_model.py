"""The base model that an engine asks transformers for, with its plans merged by `post_init`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from forgather_lint.core.record import record
from forgather_lint.documents.model_input import ModelInput
from forgather_lint.engines.common.unknown_plans import UnknownPlans
from forgather_lint.engines.transformers.profile import ConfigPlanOn, TransformersProfile
from forgather_lint.execution.children import plans_of_children
from forgather_lint.facts import NotBuilt, Plan, PlanEntry, Plans
from forgather_lint.libraries.transformers.model import plans_merged
from forgather_lint.model.analysis import Built, build_tree
from forgather_lint.model.build import ModelBuilder
from forgather_lint.model.entry import AUTO_MODEL, model_reference
from forgather_lint.model.given_plans import with_given
from forgather_lint.model.plans import collect
from forgather_lint.model.tree import tree_of
from forgather_lint.python.values.objects import ClassValue, Instance


def build_base(builder: ModelBuilder) -> Built | NotBuilt:
    """The model that AutoModel loads; without that entry, the child at `base_model_prefix`."""
    if model_reference(builder.config_values, AUTO_MODEL) is not None:
        return build_tree(builder, AUTO_MODEL)
    whole = build_tree(builder)
    if isinstance(whole, NotBuilt):
        return whole
    child = builder.base_child(whole.root)
    return Built(child, tree_of(builder.machine, child)) if child is not None else whole


@record
class MergedPlans:
    """The plans of a model after `post_init`; the keys of the pipeline plan in dict order.

    `merged` is None where an undecided condition decides whether there are plans. `unknown` says
    which of them is not known to be what it is here.
    """

    tensor: Sequence[PlanEntry]
    pipeline: Plan
    pipeline_keys: Sequence[str]
    merged: bool | None
    unknown: UnknownPlans = UnknownPlans()


def merged_plans(
    builder: ModelBuilder, root: Instance, transformers: TransformersProfile
) -> MergedPlans:
    """The plans of `root`, its config and the models inside it, merged as the release does."""
    assert isinstance(root.cls, ClassValue)
    children = {k: v for k, v in root.attributes.items() if isinstance(v, Instance)}
    config = children.pop("config", None)
    plans = Plans()
    if config is not None:
        plans = collect(builder.machine, root.cls, config, builder.config_file, children)
    kept = transformers.plan.class_plan_kept.value
    everywhere = transformers.plan.config_plan_on.value is ConfigPlanOn.EVERY_MODEL
    inside = plans_of_children(builder.machine, root, kept=kept, everywhere=everywhere)
    tensor = list(_entries(plans.class_tp.entries, (*plans.tp.entries, *inside.tensor), kept))
    staged = (*plans.pp.entries, *inside.pipeline)
    pipeline = list(_entries(plans.class_pp.entries, staged, kept))
    merged = plans_merged(root)
    return MergedPlans(
        tensor if merged is not False else [],
        replace(plans.pp, entries=staged),
        [entry.full_key for entry in pipeline] if merged is not False else [],
        merged,
        UnknownPlans(
            plans.tp.unknown or plans.class_tp.unknown, plans.pp.unknown or plans.class_pp.unknown
        ),
    )


def _entries(
    of_class: Iterable[PlanEntry], of_config: Iterable[PlanEntry], kept: bool
) -> Iterable[PlanEntry]:
    """The merged plan in dict order: a key of the class keeps its place, but not its value."""
    merged: dict[str, PlanEntry] = {}
    for entry in of_class if kept else ():
        merged[entry.full_key] = entry
    for entry in of_config:
        merged[entry.full_key] = entry
    return merged.values()


def with_given_plans(plans: MergedPlans, model: ModelInput) -> MergedPlans:
    """`plans`, with those that a script gave for `model` instead."""
    given = model.plans
    if given is None:
        return plans
    passed = with_given(Plans(), given)
    if given.tensor is not None:
        unknown = replace(plans.unknown, tensor=None)
        plans = replace(plans, tensor=passed.tp.entries, unknown=unknown)
    if given.pipeline is not None:
        keys = [entry.full_key for entry in passed.pp.entries]
        unknown = replace(plans.unknown, pipeline=None)
        plans = replace(plans, pipeline=passed.pp, pipeline_keys=keys, unknown=unknown)
    return plans
