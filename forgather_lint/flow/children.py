"""The plans of the models inside a model, such as the text model of one for images and text.

`post_init` merges the plan of every child that has one, under the name of the child; the child has
merged its own before (transformers/modeling_utils.py up to 5.18, since 5.19
transformers/distributed/mixin.py, `init_parallel_plans`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from forgather_lint.facts import PlanEntry, PlanOrigin
from forgather_lint.flow.library_plan import TABLE
from forgather_lint.interp.classes import find_member
from forgather_lint.interp.machine import Machine
from forgather_lint.model.plans import collect
from forgather_lint.semantics.names import EMBEDDING
from forgather_lint.values.objects import ClassValue, Instance
from forgather_lint.values.value import Known


def plans_of_children(machine: Machine, model: Instance, kept: bool) -> Iterator[PlanEntry]:
    """The tensor-parallel entries that `model` takes over; `kept`: class-level plans count."""
    for name, child in model.attributes.items():
        if isinstance(child, Instance) and "post_init_called" in child.hidden:
            for entry in _merged(machine, child, kept):
                yield replace(entry, prefix=".".join(filter(None, (name, entry.prefix))))


def _merged(machine: Machine, model: Instance, kept: bool) -> list[PlanEntry]:
    config = model.attributes.get("config")
    if not isinstance(model.cls, ClassValue) or config is None:
        return []
    plans = collect(machine, model.cls, config, None, {})
    own = [*(plans.class_tp.entries if kept else ())]
    if _is_base(machine, model.cls, model):
        own += plans.tp.entries
        own = [*_of_table(machine, model, own), *own]
    return [*own, *plans_of_children(machine, model, kept)]


def _is_base(machine: Machine, cls: ClassValue, model: Instance) -> bool:
    """Whether `base_model is self`: nothing stands where `base_model_prefix` points."""
    member = find_member(machine, cls, "base_model_prefix")
    prefix = member.value.value if member and isinstance(member.value, Known) else ""
    return not isinstance(model.attributes.get(str(prefix)), Instance)


def _of_table(machine: Machine, model: Instance, own: list[PlanEntry]) -> Iterator[PlanEntry]:
    """What transformers 5.21 and later add to a plan; vLLM asks a plan for Linears alone."""
    table = model.attributes.get(TABLE)
    if not own or not isinstance(table, Instance) or not machine.is_instance_of(table, EMBEDDING):
        return
    if all(entry.key != TABLE for entry in own):
        where, style = table.where, "embedding_rowwise"
        yield PlanEntry(TABLE, where, where, repr(style), PlanOrigin.CONFIG_CLASS, "", style)
