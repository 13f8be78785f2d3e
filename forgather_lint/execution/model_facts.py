"""Puts the facts about one model together: two trees, the plans, and the trace of `forward`."""

from __future__ import annotations

from dataclasses import replace

from forgather_lint.core.source import Place
from forgather_lint.documents.model_input import ModelInput
from forgather_lint.execution.children import plans_of_children
from forgather_lint.execution.trace import trace
from forgather_lint.facts import (
    ClassFact,
    Model,
    NameEntry,
    NotBuilt,
    Plan,
    PlanEntry,
    Plans,
    Trace,
)
from forgather_lint.libraries.names import MODULE, PRETRAINED
from forgather_lint.model.analysis import Built, build_tree, contained
from forgather_lint.model.build import ModelBuilder
from forgather_lint.model.entry import AUTO_MODEL, model_reference
from forgather_lint.model.given_plans import with_given
from forgather_lint.model.plans import collect
from forgather_lint.model.possible import possible
from forgather_lint.model.tree import Tree, tree_of
from forgather_lint.python.interpreter.budget import BudgetExceeded
from forgather_lint.python.interpreter.classes import is_subclass
from forgather_lint.python.interpreter.frame import Raised
from forgather_lint.python.interpreter.machine import Machine
from forgather_lint.python.values.objects import ClassValue, Instance
from forgather_lint.python.values.value import External


def facts_of(builder: ModelBuilder, model: ModelInput) -> Model | NotBuilt:
    """Everything rules read about one model, or why it could not be built."""
    whole = build_tree(builder)
    if isinstance(whole, NotBuilt):
        return whole
    return contained(builder, lambda: _facts(builder, model, whole))


def _facts(builder: ModelBuilder, model: ModelInput, whole: Built) -> Model:
    base, base_name = base_of(builder, whole)
    root = whole.root
    assert isinstance(root.cls, ClassValue | External)
    plans = with_given(_plans(builder, whole, base), model.plans)
    return Model(
        path=model.path,
        entry=whole.structure.root,
        whole=whole.structure,
        base=base.structure,
        base_name=base_name,
        plans=_with_possible(builder, plans, whole, base),
        classes=_classes(builder, whole, base),
        trace=trace_of(builder.machine, base.root, base.tree),
        where=root.cls.where if isinstance(root.cls, ClassValue) else root.where,
        config=builder.config_values,
        config_where=model.config.place() if model.config else None,
        base_prefix=builder.base_prefix(root),
        config_class_where=_config_class_where(builder, root),
    )


def base_of(builder: ModelBuilder, whole: Built) -> tuple[Built, str]:
    """The tree that the config's plans apply to, with the name of its root in the whole model.

    The engine loads AutoModel; for a model without one it is the child at `base_model_prefix`.
    """
    reference = model_reference(builder.config_values, AUTO_MODEL)
    if reference is not None and reference.name != whole.structure.root:
        built = build_tree(builder, AUTO_MODEL)
        if isinstance(built, Built):
            return built, builder.base_prefix(whole.root)
    child = builder.base_child(whole.root)
    if reference is None and child is not None:
        return Built(child, tree_of(builder.machine, child)), builder.base_name(whole.root)
    return whole, ""


def _plans(builder: ModelBuilder, whole: Built, base: Built) -> Plans:
    root = whole.root
    if not isinstance(root.cls, ClassValue):
        return Plans()
    config = base.root.attributes.get("config") or root.attributes.get("config")
    children = {
        name: value for name, value in root.attributes.items() if isinstance(value, Instance)
    }
    children.pop("config", None)
    if config is None:
        return Plans()
    plans = collect(builder.machine, root.cls, config, builder.config_file, children)
    inside = plans_of_children(builder.machine, base.root)
    return replace(plans, inside_tp=inside.tensor, inside_pp=inside.pipeline)


def _with_possible(builder: ModelBuilder, plans: Plans, whole: Built, base: Built) -> Plans:
    """`plans`, each key marked by whether some branch could create what it names."""

    def entry(each: PlanEntry, root: Instance) -> PlanEntry:
        return replace(each, possible=possible(builder.machine, root, each.full_key))

    def plan(each: Plan, root: Instance) -> Plan:
        return replace(each, entries=tuple(entry(one, root) for one in each.entries))

    def tie(each: NameEntry) -> NameEntry:
        sides = [name for name in (each.name, each.source) if name is not None]
        answers = [possible(builder.machine, whole.root, name) for name in sides]
        return replace(each, possible=False if False in answers else None)

    return replace(
        plans,
        tp=plan(plans.tp, base.root),
        pp=plan(plans.pp, base.root),
        class_tp=plan(plans.class_tp, whole.root),
        class_pp=plan(plans.class_pp, whole.root),
        tied=tuple(map(tie, plans.tied)) if plans.tied is not None else None,
    )


def _config_class_where(builder: ModelBuilder, root: Instance) -> Place | None:
    """The place of the config class; None if its source was not read."""
    config = root.attributes.get("config")
    cls = config.cls if isinstance(config, Instance) else None
    return cls.where if isinstance(cls, ClassValue) else None


def _classes(builder: ModelBuilder, whole: Built, base: Built) -> tuple[ClassFact, ...]:
    built = {
        instance.cls.qualified
        for tree in (whole.tree, base.tree)
        for instance in tree.instances.values()
        if isinstance(instance.cls, ClassValue)
    }
    return tuple(
        ClassFact(
            name=cls.name,
            where=cls.where,
            is_module=is_subclass(builder.machine, cls, External(MODULE)) is not False,
            built=cls.qualified in built,
        )
        for cls in builder.all_classes()
    )


def trace_of(machine: Machine, root: Instance, tree: Tree) -> Trace | None:
    """The trace of the base model.

    None when its forward raises, is given up, or is not a model's.
    """
    if not machine.is_instance_of(root, PRETRAINED):
        return None
    try:
        return trace(machine, root, tree)
    except (Raised, BudgetExceeded):
        return None
