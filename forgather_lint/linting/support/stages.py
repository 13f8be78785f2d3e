"""The entries of a pipeline plan as vLLM uses them: before, in and behind the stack of layers."""

from __future__ import annotations

from enum import StrEnum

from forgather_lint.core.record import record
from forgather_lint.facts import Model, Module, ModuleCall, PlanEntry, Structure, Trace
from forgather_lint.linting.support.nearest import suggest
from forgather_lint.linting.support.taking import name_meant
from forgather_lint.linting.support.tree import is_stack, is_within


class Side(StrEnum):
    """Which stages keep a module: the first, each its share of the layers, or the last."""

    BEFORE = "first"
    STACK = "own"
    AFTER = "last"


@record
class StagedEntry:
    """One entry whose module exists, and the stages to which vLLM gives that module."""

    entry: PlanEntry
    module: Module
    side: Side


def pp_entries(model: Model) -> tuple[PlanEntry, ...]:
    """The pipeline plan of the base model: the config's, or that of its own class.

    A class plan that names no stack of layers does not count; it is for a head (`{"lm_head":
    ...}`).
    """
    of_class = model.plans.class_pp.entries
    named = [model.base.module(entry.full_key) for entry in of_class]
    is_of_base = any(module is not None and is_stack(module) for module in named)
    return model.plans.pp.entries or (of_class if is_of_base else ())


def planned_modules(model: Model) -> tuple[tuple[PlanEntry, Module], ...]:
    """Every entry whose module exists, in dict order."""
    found = ((entry, model.base.module(entry.full_key)) for entry in pp_entries(model))
    return tuple((entry, module) for entry, module in found if module)


def stages(model: Model) -> tuple[StagedEntry, ...]:
    """The plan as vLLM cuts it; empty unless it names exactly one stack of layers."""
    planned = planned_modules(model)
    stacks = [place for place, (_, module) in enumerate(planned) if is_stack(module)]
    if len(stacks) != 1:
        return ()
    (middle,) = stacks
    return tuple(
        StagedEntry(entry, module, _side(place, middle))
        for place, (entry, module) in enumerate(planned)
    )


def stack_of(plan: tuple[StagedEntry, ...]) -> StagedEntry | None:
    """The entry of the layers."""
    return next((stage for stage in plan if stage.side is Side.STACK), None)


def placeholder_for(stage: StagedEntry, name: str, structure: Structure) -> str | None:
    """The module, replaced by a placeholder on other stages, that `name` is or lies below; or None.

    In a stack it is the elements that are replaced, never the container.
    """
    if not is_within(name, stage.module.name):
        return None
    if stage.side is not Side.STACK:
        return stage.module.name
    elements = (element.name for element in structure.children(stage.module.name))
    return next((element for element in elements if is_within(name, element)), None)


def calls_within(trace: Trace | None, name: str) -> tuple[ModuleCall, ...]:
    """The calls of the module `name` and of modules below it."""
    return tuple(call for call in trace.calls if is_within(call.module, name)) if trace else ()


def _side(place: int, middle: int) -> Side:
    if place == middle:
        return Side.STACK
    return Side.BEFORE if place < middle else Side.AFTER


def meant_by_misspelt(model: Model) -> frozenset[str]:
    """The modules that entries would name if they were not misspelt, as findings of them say."""
    entries = model.plans.pp.entries
    keys, modules = {entry.full_key for entry in entries}, model.base.modules
    names = {module.name: module for module in modules if module.name}
    lost = [each for each in entries if each.possible is False and each.full_key not in names]
    meant = (name_meant(each.full_key, suggest(each.full_key, names), keys) for each in lost)
    return frozenset(filter(None, meant))
