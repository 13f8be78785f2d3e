"""What transformers itself does with a plan, without a serving engine.

Source: transformers/distributed/mixin.py (`_expand_parallel_plan`: a parameter has the style that
names it, else that of its module) and transformers/distributed/tensor_parallel.py (the styles).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from forgather_lint.core.port import port_of
from forgather_lint.core.record import record
from forgather_lint.core.source import Place
from forgather_lint.engines.transformers.matching import folded
from forgather_lint.engines.transformers.profile import Wildcard
from forgather_lint.execution.assignments import Assignment
from forgather_lint.execution.children import is_base, models_inside
from forgather_lint.execution.engine import Engine, PlanReading
from forgather_lint.execution.layers import Role
from forgather_lint.model.tree import Tree
from forgather_lint.python.interpreter.budget import BudgetExceeded
from forgather_lint.python.interpreter.machine import Machine
from forgather_lint.python.values.objects import Instance
from forgather_lint.python.values.value import TensorValue

TABLE = "embed_tokens"
"""The name of the token embedding that the library splits without being told."""

ROLES: Mapping[str, Role] = {
    "colwise": Role.COLUMN,
    "colwise_gather_output": Role.COLUMN_GATHERED,
    "colwise_rep": Role.COLUMN_GATHERED,
    "rowwise": Role.ROW,
    "rowwise_split_input": Role.ROW_SPLITTING,
    "rowwise_rep": Role.ROW_SPLITTING,
    "packed_colwise": Role.PACKED_COLUMN,
    "packed_rowwise": Role.PACKED_ROW,
    "embedding_rowwise": Role.TABLE,
    "embedding_colwise": Role.TABLE,
    "moe_tp_experts": Role.SUMMED,
    "all_reduce": Role.SUMMED,
    "moe_identity_expert": Role.DIVIDED,
    # What follows changes gradients, or how parameters are wrapped, but no value of the forward.
    "replicate": Role.REPLICATED,
    "replicated_with_grad_allreduce": Role.REPLICATED,
    "mla_kv_a_proj": Role.REPLICATED,
    "local_params": Role.REPLICATED,
}

LIBRARY = Engine(PlanReading(ROLES, uneven_parts=True))
"""transformers' own tensor parallelism, which does what the plan says and nothing else."""


@record
class StyleEntry:
    """One entry of a plan: its style, and its place."""

    style: str
    where: Place | None = None


def assigned_by_library(tree: Tree, plan: Mapping[str, StyleEntry]) -> dict[Instance, Assignment]:
    """The assignments of all modules that the plan names, or of which it names a parameter.

    Raises `BudgetExceeded` for an unknown style.
    """
    found: dict[Instance, Assignment] = {}
    for name, instance in tree.instances.items():
        key = _looked_up(name)
        parameters = dict(_of_parameters(name, instance, plan))
        entry = plan.get(key)
        if entry is None and not parameters:
            continue
        role = _role(entry) if entry else Role.REPLICATED
        own = tuple((name, _role(each)) for name, each in parameters.items())
        first = entry or next(iter(parameters.values()))
        found.setdefault(instance, Assignment(role, first.where, key, parameters=own))
    return found


@port_of("transformers/distributed/mixin.py", "DistributedMixin._expand_parallel_plan")
def _of_parameters(
    name: str, instance: Instance, plan: Mapping[str, StyleEntry]
) -> Iterator[tuple[str, StyleEntry]]:
    for attribute, value in instance.attributes.items():
        entry = plan.get(_looked_up(f"{name}.{attribute}" if name else attribute))
        if entry is not None and isinstance(value, TensorValue):
            yield attribute, entry


def _looked_up(name: str) -> str:
    return folded(name, Wildcard.COMPONENTS)


def _role(entry: StyleEntry) -> Role:
    role = ROLES.get(entry.style)
    if role is None:
        raise BudgetExceeded(f"unmodelled-style-{entry.style}")
    return role


@port_of("transformers/distributed/mixin.py", "DistributedMixin.init_parallel_plans")
def with_embedding(
    machine: Machine, root: Instance, plan: Mapping[str, StyleEntry]
) -> dict[str, StyleEntry]:
    """The plan, preceded by the rules that transformers 5.21 and later add by themselves.

    Source: transformers/distributed/mixin.py, `init_parallel_plans`; every base model inside `root`
    that has a plan has done the same before.
    """
    inside = [(name, each) for name, each in models_inside(root) if is_base(machine, each)]
    rules = {}
    for name, model in (("", root), *inside):
        prefix = f"{name}." if name else ""
        has_plan = any(key.startswith(prefix) for key in plan)
        if has_plan and isinstance(model.attributes.get(TABLE), Instance):
            rules[f"{prefix}{TABLE}"] = StyleEntry("embedding_rowwise")
    return {**rules, **plan}
