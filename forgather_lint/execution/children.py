"""The plans of models inside a model, such as the text model of a multimodal one.

`post_init` merges the plan of every child that has one, under the name of the child; the child has
merged its own before (transformers/modeling_utils.py up to 5.18, since 5.19
transformers/distributed/mixin.py, `init_parallel_plans`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from forgather_lint.core.port import port_of
from forgather_lint.core.record import record
from forgather_lint.facts import PlanEntry
from forgather_lint.libraries.transformers.model import plans_merged
from forgather_lint.model.plans import collect
from forgather_lint.python.interpreter.budget import Budget
from forgather_lint.python.interpreter.classes import find_member
from forgather_lint.python.interpreter.machine import Machine
from forgather_lint.python.values.objects import ClassValue, Instance
from forgather_lint.python.values.value import Known


def models_inside(
    model: Instance,
    prefix: str = "",
    around: tuple[Instance, ...] = (),
    budget: Budget | None = None,
) -> Iterator[tuple[str, Instance]]:
    """The models below `model` that may have merged a plan of their own, by their dotted names.

    `around` are the models that contain `model`: they are left out, though it may refer to them.
    Raises `BudgetExceeded` where models contain each other in too many ways.
    """
    around, budget = (*around, model), budget or Budget()
    budget.spend(1 + len(model.attributes))
    for name, child in model.attributes.items():
        if isinstance(child, Instance) and child not in around and plans_merged(child) is not False:
            dotted = f"{prefix}.{name}" if prefix else name
            yield dotted, child
            yield from models_inside(child, dotted, around, budget)


@record
class PlansInside:
    """The entries that a model takes over from models inside it, with prefixed keys."""

    tensor: tuple[PlanEntry, ...] = ()
    pipeline: tuple[PlanEntry, ...] = ()


@port_of("transformers/distributed/mixin.py", "DistributedMixin.init_parallel_plans")
def plans_of_children(
    machine: Machine, model: Instance, *, kept: bool = True, everywhere: bool = False
) -> PlansInside:
    """The merged plans of the models inside `model`.

    `kept`: class-level plans count too. `everywhere`: the plan of a config counts for every model
    that has this config, not for the base model alone.
    """
    tensor: list[PlanEntry] = []
    pipeline: list[PlanEntry] = []
    for name, child in models_inside(model):
        config = child.attributes.get("config")
        if not isinstance(child.cls, ClassValue) or config is None:
            continue
        plans = collect(machine, child.cls, config, None, {})
        of_config = everywhere or is_base(machine, child)
        tensor += _longer(name, plans.class_tp.entries if kept else ())
        tensor += _longer(name, plans.tp.entries if of_config else ())
        pipeline += _longer(name, plans.class_pp.entries if kept else ())
        pipeline += _longer(name, plans.pp.entries if of_config else ())
    return PlansInside(tuple(tensor), tuple(pipeline))


def _longer(name: str, entries: Iterable[PlanEntry]) -> Iterator[PlanEntry]:
    for entry in entries:
        yield replace(entry, prefix=".".join(filter(None, (name, entry.prefix))))


def is_base(machine: Machine, model: Instance) -> bool:
    """Whether `model.base_model is model`, as nothing is found under `base_model_prefix`."""
    member = find_member(machine, model.cls, "base_model_prefix")
    prefix = member.value.value if member and isinstance(member.value, Known) else ""
    return not isinstance(model.attributes.get(str(prefix)), Instance)
