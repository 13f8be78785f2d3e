"""Which layer of the engine replaces each `nn.Linear`, by the plan as a release reads it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from forgather_lint.core.record import record
from forgather_lint.core.source import Place
from forgather_lint.execution.engine import Engine, UndecidedKey
from forgather_lint.execution.layers import Role
from forgather_lint.facts import PlanEntry
from forgather_lint.facts.causes.placement import PatternMalformed
from forgather_lint.libraries.names import LINEAR
from forgather_lint.model.tree import Tree
from forgather_lint.python.interpreter.budget import BudgetExceeded
from forgather_lint.python.interpreter.frame import Raised
from forgather_lint.python.interpreter.machine import Machine
from forgather_lint.python.values.objects import Instance


@record
class Assignment:
    """What replaces one Linear, and the place of the plan entry (None: none applies).

    `parameters` are those of the module's own parameters that have another role than the module.
    `copies`: with fewer key-value heads than ranks, each head is copied so often before the rows
    are divided. Where several projections are packed in one layer, `parts` are their widths on a
    rank.
    """

    role: Role
    where: Place | None
    key: str | None = None
    copies: int = 1
    parts: tuple[int, ...] = ()
    parameters: tuple[tuple[str, Role], ...] = ()

    def role_of(self, parameter: str) -> Role:
        """How the parameter `parameter` of the module is split."""
        return dict(self.parameters).get(parameter, self.role)


def assign(
    machine: Machine, tree: Tree, entries: Iterable[PlanEntry], engine: Engine
) -> dict[Instance, Assignment]:
    """The assignment of every Linear of the tree."""
    written = {entry.full_key: entry for entry in entries}
    keys = tuple(written)
    found: dict[Instance, Assignment] = {}
    for name, instance in tree.instances.items():
        if machine.is_instance_of(instance, LINEAR):
            found.setdefault(instance, _of(name, keys, written, engine))
    return found


def _of(
    name: str, keys: tuple[str, ...], written: Mapping[str, PlanEntry], engine: Engine
) -> Assignment:
    key = _match(keys, name, written, engine)
    if key is None:
        return Assignment(Role.REPLICATED, None)
    entry = written[key]
    role = engine.plan.styles.get(entry.style or "", Role.REPLICATED)
    return Assignment(role, entry.key_where, key)


def _match(
    keys: tuple[str, ...], name: str, written: Mapping[str, PlanEntry], engine: Engine
) -> str | None:
    """The key of the plan that the engine applies to the module `name`; None where none applies.

    Raises `BudgetExceeded` for an expression that is not safe to try, `Raised` for one on which the
    release fails.
    """
    if engine.plan.keys is None:
        return name if name in keys else None
    found = engine.plan.keys(keys, name)
    if not isinstance(found, UndecidedKey):
        return found
    if found.fails:
        where, cause = written[found.key].key_where, PatternMalformed(found.key)
        raise Raised("error", found.reason, where, cause=cause)
    raise BudgetExceeded("unsafe-pattern")
