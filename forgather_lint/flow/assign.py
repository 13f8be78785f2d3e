"""Which layer stands for which `nn.Linear`: the plan's word, as a release reads it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from forgather_lint.facts import PlanEntry
from forgather_lint.flow.engine import Engine
from forgather_lint.flow.layers import Role
from forgather_lint.interp.machine import Machine
from forgather_lint.model.tree import Tree
from forgather_lint.rule_support.matching_until_targets import vllm_match
from forgather_lint.source import Place
from forgather_lint.values.value import Instance

LINEAR = "torch.nn.Linear"


@dataclass(frozen=True, slots=True)
class Assignment:
    """What replaces one Linear, and where that is written (None: by default)."""

    role: Role
    where: Place | None
    key: str | None = None
    by_engine: str = ""


def assign(
    machine: Machine, tree: Tree, entries: Iterable[PlanEntry], engine: Engine
) -> dict[int, Assignment]:
    """The assignment of every Linear of the tree, by the identity of its instance."""
    written = {entry.full_key: entry for entry in entries}
    keys = tuple(written)
    found: dict[int, Assignment] = {}
    for name, instance in tree.instances.items():
        if machine.is_instance_of(instance, LINEAR):
            found.setdefault(id(instance), _of(name, keys, written, engine))
    return found


def _of(
    name: str, keys: tuple[str, ...], written: Mapping[str, PlanEntry], engine: Engine
) -> Assignment:
    key = next((key for key in keys if vllm_match(key, name)), None)
    if key is None:
        return Assignment(Role.REPLICATED, None)
    entry = written[key]
    role = engine.styles.get(entry.style or "", Role.REPLICATED)
    return Assignment(role, entry.key_where, key)


def linears(machine: Machine, tree: Tree) -> dict[str, Instance]:
    """Every Linear of the tree by name."""
    return {
        name: instance
        for name, instance in tree.instances.items()
        if machine.is_instance_of(instance, LINEAR)
    }
