"""Computes a plan from the module tree and the data flow alone.

Inside one forward, a Linear that feeds no other Linear of it, but is fed by some, is the place
where a sharded stretch can end: it is row-parallel, and what feeds it is column-parallel. Every
such group is kept only if the abstract run on two ranks still computes the model.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from forgather_lint.facts import ModuleCall, Trace
from forgather_lint.flow.assign import Assignment
from forgather_lint.flow.dataflow import Body, Step, graphs, kind_of
from forgather_lint.flow.engine import Engine, Heads
from forgather_lint.flow.layers import Role
from forgather_lint.flow.outcome import Verdict
from forgather_lint.flow.partition import MODULE_LIST
from forgather_lint.flow.sharded import run
from forgather_lint.interp.frame import Raised
from forgather_lint.interp.machine import Machine
from forgather_lint.model.tree import Tree
from forgather_lint.record import record
from forgather_lint.values.objects import Instance

LINEAR = "torch.nn.Linear"
ATTENTION = "transformers.attention_interface"
RANKS = 2

PLAIN = Engine(
    release="any",
    styles={"colwise": Role.COLUMN, "rowwise": Role.ROW, "replicate": Role.REPLICATED},
    norms_by_name=True,
    plan_required=False,
)
"""An engine that does what the plan says and nothing else."""


@record
class InferredPlan:
    """A plan: `tensor` maps patterns to styles, `pipeline` patterns to input and output names."""

    tensor: Mapping[str, str]
    pipeline: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]]


@record
class Group:
    """Linears of one kind of module that are sharded together."""

    kind: int
    columns: tuple[str, ...]
    rows: tuple[str, ...]
    attends: bool


def infer(
    machine: Machine, tree: Tree, root: Instance, heads: Heads | None, trace: Trace | None
) -> InferredPlan:
    """The plan of the base model `root`. Raises `Raised` when its forward does."""
    bodies = graphs(machine, root, PLAIN, heads)
    kept: list[Group] = []
    for groups in _together(tree, list(_groups(machine, bodies))):
        if _serves(machine, tree, root, heads, [*kept, *groups]):
            kept += groups
    tensor = dict(_patterns(tree, kept))
    return InferredPlan(tensor, dict(_pipeline(tree, trace)) if trace else {})


def _groups(machine: Machine, bodies: Mapping[int, Body]) -> Iterator[Group]:
    for kind, body in bodies.items():
        names = {id(v): n for n, v in body.owner.attributes.items() if isinstance(v, Instance)}
        calls = [
            step
            for step in body.steps
            if id(step.module) in names
            and step.module is not None
            and machine.is_instance_of(step.module, LINEAR)
        ]
        feeders = {id(call): _feeders(body, call, calls) for call in calls}
        feeding = {id(step) for found in feeders.values() for step in found}
        rows = [call for call in calls if feeders[id(call)] and id(call) not in feeding]
        columns = [step for row in rows for step in feeders[id(row)]]
        if rows:
            attends = any(step.name == ATTENTION for step in body.steps)
            yield Group(kind, _names(columns, names), _names(rows, names), attends)


def _together(tree: Tree, groups: list[Group]) -> list[list[Group]]:
    """Groups that stand or fall together: all attention first, then what one pattern names."""
    attention = [group for group in groups if group.attends]
    by_pattern: dict[str, list[Group]] = {}
    for group in groups:
        if not group.attends:
            by_pattern.setdefault(folded(tree.names.get(group.kind, "")), []).append(group)
    return [each for each in (attention, *by_pattern.values()) if each]


def _names(steps: Iterable[Step], names: Mapping[int, str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names[id(step.module)] for step in steps))


def _feeders(body: Body, call: Step, calls: list[Step]) -> list[Step]:
    """The Linears whose output reaches the input of `call` without passing through another."""
    by_output = {step.output: step for step in body.steps}
    linears = {id(step) for step in calls}
    found: list[Step] = []
    pending, seen = list(call.inputs), set(call.inputs)
    while pending:
        step = by_output.get(pending.pop())
        if step is None or step is call:
            continue
        if id(step) in linears:
            found.append(step)
            continue
        fresh = [value for value in step.inputs if value not in seen]
        seen.update(fresh)
        pending.extend(fresh)
    return found


def _serves(
    machine: Machine, tree: Tree, root: Instance, heads: Heads | None, groups: list[Group]
) -> bool:
    """Whether the groups together leave the function what it is, as far as can be told."""
    assigned: dict[int, Assignment] = {}
    for instance, attribute, role in _linears(tree, groups):
        module = instance.attributes[attribute]
        assigned[id(module)] = Assignment(role, None)
    for instance in tree.instances.values():
        if machine.is_instance_of(instance, LINEAR):
            assigned.setdefault(id(instance), Assignment(Role.REPLICATED, None))
    try:
        outcome, _ = run(machine, tree, root, assigned, PLAIN, RANKS, heads)
    except Raised:
        return False
    return outcome.verdict in (Verdict.SERVES, Verdict.UNKNOWN)


def _linears(tree: Tree, groups: list[Group]) -> Iterator[tuple[Instance, str, Role]]:
    by_kind = {group.kind: group for group in groups}
    for instance in tree.instances.values():
        group = by_kind.get(kind_of(instance))
        if group is not None:
            yield from ((instance, name, Role.COLUMN) for name in group.columns)
            yield from ((instance, name, Role.ROW) for name in group.rows)


_STYLES = {Role.COLUMN: "colwise", Role.ROW: "rowwise"}


def _patterns(tree: Tree, groups: list[Group]) -> Iterator[tuple[str, str]]:
    """Patterns in tree order, layer numbers as `*`."""
    styles = {
        id(instance.attributes[name]): _STYLES[role]
        for instance, name, role in _linears(tree, groups)
    }
    for name, instance in tree.instances.items():
        if id(instance) in styles:
            yield folded(name), styles[id(instance)]


def folded(name: str) -> str:
    """A dotted name with `*` for each number."""
    return re.sub(r"(?<=\.)\d+(?=\.|$)", "*", name)


Names = tuple[tuple[str, ...], tuple[str, ...]]


def _pipeline(tree: Tree, trace: Trace) -> Iterator[tuple[str, Names]]:
    """The modules with parameters around the layers, in the order in which forward calls them."""
    stack = _layer_stack(tree, trace)
    if stack is None:
        return
    wrappers = {""} | {stack[: m.start()] for m in re.finditer(r"\.", stack)}
    listed = False
    for call in trace.calls:
        if call.module.startswith(f"{stack}."):
            if not listed:
                listed = True
                yield stack, (("hidden_states", "attention_mask"), ("hidden_states",))
        elif _is_stage(tree, call, wrappers):
            given = ("hidden_states",) if listed else ("input_ids",)
            yield call.module, (given, ("hidden_states",) if listed else ("inputs_embeds",))


def _is_stage(tree: Tree, call: ModuleCall, wrappers: set[str]) -> bool:
    outside = call.caller in wrappers and call.module not in wrappers
    return outside and _owns_parameters(tree, call.module)


def _layer_stack(tree: Tree, trace: Trace) -> str | None:
    """The list whose members forward calls one after the other."""
    lists = [m.name for m in tree.structure.modules if m.is_a(MODULE_LIST)]
    lists += [m.name for m in tree.structure.modules if m.is_a("torch.nn.ModuleDict")]
    called = {call.module.rpartition(".")[0] for call in trace.calls}
    outer = [name for name in lists if name in called]
    return min(outer, key=lambda name: name.count("."), default=None)


def _owns_parameters(tree: Tree, name: str) -> bool:
    return any(p.name.startswith(f"{name}.") for p in tree.structure.parameters)
